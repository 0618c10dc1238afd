import { ServiceError } from '../../shared/errors.ts';

export function invalid(reason: string, detail: string): ServiceError {
  return new ServiceError('request_invalid', { reason, detail });
}
