#!/bin/sh
# An operator's first steps, for compose.yaml: writes SecureProxy's key and KeyServer's key id to /proxy, and
# stores types and tokens of the demo's marketplace. It can run again: it makes nothing twice.
set -eu
# SecureProxy runs in our group.
umask 027

# Both files are renamed into place: one that was cut short would lock SecureProxy out.
if [ ! -s /proxy/proxy.key ]; then
  rm -f /proxy/proxy.key.new
  # A run that was killed here may have made the proxy, and its key is lost.
  keyserver-admin proxy create compose --out /proxy/proxy.key.new ||
    keyserver-admin proxy rotate compose --yes --out /proxy/proxy.key.new
  chmod 640 /proxy/proxy.key.new
  mv /proxy/proxy.key.new /proxy/proxy.key
fi
keyserver-admin doctor | sed -n 's/.*primary key id \([A-Za-z0-9_-]*\).*/\1/p' >/proxy/pins.new
mv /proxy/pins.new /proxy/pins

marketplace="--destination https://marketplace:8443 --unsafe-allow-private $MARKETPLACE_SUBNET"
# shellcheck disable=SC2086 # they are several arguments
keyserver-admin type put ozon-seller $marketplace \
  --header 'Client-Id: {clientId}' --header 'Api-Key: {apiKey}'
# shellcheck disable=SC2086
keyserver-admin type put wildberries $marketplace --header 'Authorization: {token}'
keyserver-admin token put --client shop-17 --type ozon-seller </marketplace/ozon.json
keyserver-admin token put --client shop-17 --type wildberries </marketplace/wildberries.json
