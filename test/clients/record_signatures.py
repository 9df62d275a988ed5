"""Records requests as botocore signs them: python3 test/clients/record_signatures.py > test/fixtures/sigv4-botocore.json"""

import datetime
import json
import sys
from unittest import mock

import botocore
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 1, 31, 12, 0, 0, tzinfo=datetime.timezone.utc)
CREDENTIALS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
FORM = "application/x-www-form-urlencoded; charset=utf-8"
BODY = "Action=DescribeIntegrations&Version=2014-10-31&Filters.Filter.1.Name=status&Description=gr%C3%BC%C3%9Fe+%7E+%2A"
# Encoded as AWS encodes: botocore signs a query string in a URL as it stands.
QUERY = "Action=DescribeIntegrations&Version=2014-10-31&b=2&b=1&b.c=3&a=%20~%2A&empty=&%C3%BC=1"

REQUESTS = {
    "form": ("POST", "http://127.0.0.1:5440/", BODY, {"Content-Type": FORM}),
    "empty body": ("POST", "http://127.0.0.1:5440/", "", {}),
    "query string": ("GET", "http://127.0.0.1:5440/?" + QUERY, "", {}),
    "spaces in a header": ("POST", "http://127.0.0.1:5440/", "x=1", {"X-Amz-Meta": "  a   b  c "}),
    "another path": ("POST", "http://127.0.0.1:5440/zeroetl/status", "{}", {"Content-Type": "application/json"}),
}


def signed(auth, method, url, body, headers):
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    with mock.patch("botocore.auth.get_current_datetime", lambda: NOW):
        auth.add_auth(request)
    prepared = request.prepare()
    return {
        "method": prepared.method,
        "url": prepared.url,
        "headers": {name.lower(): value if isinstance(value, str) else value.decode() for name, value in prepared.headers.items()},
        "body": body,
    }


def main():
    recorded = {}
    for name, (method, url, body, headers) in REQUESTS.items():
        recorded[name] = signed(SigV4Auth(CREDENTIALS, "rds", "us-east-1"), method, url, body, dict(headers))
    _, url, _, _ = REQUESTS["query string"]
    recorded["presigned"] = signed(SigV4QueryAuth(CREDENTIALS, "rds", "us-east-1", expires=600), "GET", url, "", {})
    json.dump({"botocore": botocore.__version__, "requests": recorded}, sys.stdout, indent=2)
    print()


main()
