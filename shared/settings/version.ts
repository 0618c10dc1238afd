import manifest from '../../package.json' with { type: 'json' };

/** Version of both services and the tool. */
export const { version } = manifest;
