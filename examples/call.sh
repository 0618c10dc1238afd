#!/bin/sh
# Both ways in, with curl. The environment has SECUREPROXY_URL and APP_KEY.
set -eu

# Prints the marketplace's answer. The key comes by stdin, since other users can see arguments.
call() {
  answer=$(printf 'header = "Authorization: Bearer %s"\n' "$APP_KEY" |
    curl --config - --silent --show-error --max-time 60 --header 'Content-Type: application/json' \
      --write-out '\n%header{proxy-status}' "$@")
  body=${answer%
*}
  # Only Proxy-Status tells the marketplace's answer from one of the proxy itself, a problem document.
  case ${answer##*
} in
  *'secureproxy; received-status='[0-9]*) printf '%s\n' "$body" ;;
  *)
    printf 'SecureProxy: %s\n' "$body" >&2
    return 1
    ;;
  esac
}

call "$SECUREPROXY_URL/request_api" --data \
  '{"ClientId": "shop-1", "TokenType": "ozon-seller", "ApiUri": "/v3/product/list", "Body": {"limit": 100}}'
call "$SECUREPROXY_URL/forward/shop-1/ozon-seller/v3/product/list" --data '{"limit": 100}'
