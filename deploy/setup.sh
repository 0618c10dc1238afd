#!/bin/sh
# An operator's first steps, for compose.yaml: SecureProxy's key and KeyServer's key id go to /proxy, the
# demo marketplace's types and tokens to KeyServer. It can be run again: nothing is made twice.
set -eu
# SecureProxy runs in our group.
umask 027

if [ ! -s /proxy/proxy.key ]; then
  keyserver-admin proxy create compose >/proxy/proxy.key.new
  mv /proxy/proxy.key.new /proxy/proxy.key
fi
keyserver-admin doctor | sed -n 's/.*primary key id \([A-Za-z0-9_-]*\).*/\1/p' >/proxy/pins

marketplace="--destination https://marketplace:8443 --unsafe-allow-private $MARKETPLACE_SUBNET"
# shellcheck disable=SC2086 # they are several arguments
keyserver-admin type put ozon-seller $marketplace \
  --header 'Client-Id: {client_id}' --header 'Api-Key: {api_key}'
# shellcheck disable=SC2086
keyserver-admin type put wildberries $marketplace --header 'Authorization: {token}'
keyserver-admin token put --client shop-17 --type ozon-seller </marketplace/ozon.json
keyserver-admin token put --client shop-17 --type wildberries </marketplace/wildberries.json
