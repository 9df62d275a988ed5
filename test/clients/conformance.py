"""Makes calls with boto3 and with the AWS CLI, as its standard input says, and shows what each of them parsed.

Usage: conformance.py ENDPOINT SERVICE...; the first line out is {"botocore": VERSION, "models": {SERVICE: service-2}}.
A line in is {"service", "action", "input"}, where timestamps are ISO 8601; the line out is {"boto3": ANSWER, "cli":
ANSWER}. An answer is {"output": …} or {"error": {"code", "name", "status", "message"}}; the CLI shows no name and no
status.
"""

import contextlib
import io
import json
import re
import sys

import boto3
import botocore
import botocore.loaders
from awscli.clidriver import create_clidriver
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, SERVICES = sys.argv[1], sys.argv[2:]
CONFIG = Config(retries={"total_max_attempts": 1})
CLIENTS = {service: boto3.client(service, endpoint_url=ENDPOINT, config=CONFIG) for service in SERVICES}
CLI = create_clidriver()
CLI_ERROR = re.compile(r"An error occurred \((\S+)\) when calling the \w+ operation: (.*)\Z", re.DOTALL)


def ask_boto3(service, action, parameters):
    try:
        output = getattr(CLIENTS[service], xform_name(action))(**parameters)
    except ClientError as error:
        told, metadata = error.response["Error"], error.response["ResponseMetadata"]
        # A declared error has a class of its own.
        name = told["Code"] if type(error) is ClientError else type(error).__name__
        status = metadata["HTTPStatusCode"]
        return {"error": {"code": told["Code"], "name": name, "status": status, "message": told["Message"]}}
    del output["ResponseMetadata"]
    return {"output": output}


def ask_cli(service, action, parameters):
    out, err = io.StringIO(), io.StringIO()
    words = [service, xform_name(action, "-"), "--endpoint-url", ENDPOINT, "--output", "json", "--no-paginate"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = CLI.main([*words, "--cli-input-json", json.dumps(parameters)])
    if status == 0:
        return {"output": json.loads(out.getvalue() or "{}")}
    refused = CLI_ERROR.search(err.getvalue().rstrip("\n"))
    assert refused is not None, err.getvalue()
    return {"error": {"code": refused[1], "message": refused[2]}}


def tell(value):
    print(json.dumps(value, default=lambda time: time.isoformat()), flush=True)


def main():
    loader = botocore.loaders.Loader()
    models = {service: loader.load_service_model(service, "service-2") for service in SERVICES}
    tell({"botocore": botocore.__version__, "models": models})
    for line in sys.stdin:
        call = json.loads(line)
        arguments = call["service"], call["action"], call["input"]
        tell({"boto3": ask_boto3(*arguments), "cli": ask_cli(*arguments)})


main()
