"""Both ways in, with Python's standard library. The environment has SECUREPROXY_URL and APP_KEY."""

import json
import os
import re
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

proxy = urlsplit(os.environ["SECUREPROXY_URL"])


def call(path, body):
    """Returns the marketplace's answer, whatever its status is; http.client follows no redirect."""
    connect = HTTPSConnection if proxy.scheme == "https" else HTTPConnection
    connection = connect(proxy.netloc, timeout=60)
    headers = {
        "Authorization": f"Bearer {os.environ['APP_KEY']}",
        "Content-Type": "application/json",
    }
    connection.request("POST", proxy.path.rstrip("/") + path, json.dumps(body), headers)
    answer = connection.getresponse()
    # Only Proxy-Status tells an answer of the proxy itself, a problem document, from the marketplace's.
    if re.search(r"secureproxy; error=[a-z_]+$", answer.headers.get("Proxy-Status", "")):
        problem = json.load(answer)
        wait = answer.headers.get("Retry-After", "unknown")
        raise SystemExit(
            f"SecureProxy: {problem['code']} ({problem.get('reason')}), "
            f"request {problem['requestId']}, wait {wait} s"
        )
    return answer


called = {
    "ClientId": "shop-1",
    "TokenType": "ozon-seller",
    "ApiUri": "/v3/product/list",
    "Body": {"limit": 100},
}
print(call("/request_api", called).read().decode())
print(call("/forward/shop-1/ozon-seller/v3/product/list", {"limit": 100}).read().decode())
