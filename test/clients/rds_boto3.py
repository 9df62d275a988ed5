"""Drives the RDS API as a user of boto3 does. Usage: rds_boto3.py ENDPOINT SETUP; prints `ok` at the end.

SETUP is JSON: {"sources": [arn], "targets": [arn], "account": "…", "reader": {"id": "…", "secret": "…"}}, where the
reader's key may rds:Describe* alone. A runtime acts on wishes meanwhile.
"""

import json
import sys
import time

import boto3
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, SETUP = sys.argv[1], json.loads(sys.argv[2])
PAIRS = [(source, target) for source in SETUP["sources"] for target in SETUP["targets"]]


def client(service="rds", **over):
    return boto3.client(service, endpoint_url=ENDPOINT, config=Config(retries={"total_max_attempts": 1}), **over)


rds = client()


def create(name, **over):
    source, target = PAIRS.pop()
    parameters = dict(SourceArn=source, TargetArn=target, IntegrationName=name, DataFilter="include: shop.*.*")
    return rds.create_integration(**{**parameters, **over})


def describe(identifier):
    [integration] = rds.describe_integrations(IntegrationIdentifier=identifier)["Integrations"]
    return integration


def wait_for(what, look):
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def refused(code, status, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except ClientError as error:
        got = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert got == (code, status), got
        assert error.response["ResponseMetadata"]["RequestId"], error.response
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} expected")


def one_life():
    created = create("life", Description="Straße <&>", Tags=[{"Key": "team", "Value": "data"}])
    assert created["Status"] == "creating" and created["Errors"] == [] and created["AdditionalEncryptionContext"] == {}
    arn = created["IntegrationArn"]
    wait_for("active", lambda: describe(arn)["Status"] == "active")
    for identifier in (arn, arn.rsplit(":", 1)[1], "life"):
        found = describe(identifier)
        assert {**found, "Status": "creating"} == {k: v for k, v in created.items() if k != "ResponseMetadata"}, found

    assert rds.modify_integration(IntegrationIdentifier="life", IntegrationName="life2")["Status"] == "active"
    assert rds.modify_integration(IntegrationIdentifier=arn, DataFilter="include: a.b.*")["Status"] == "modifying"
    wait_for("active again", lambda: describe(arn)["Status"] == "active")

    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "team", "Value": "x"}, {"Key": "ü", "Value": "y"}])
    tags = [{"Key": "team", "Value": "x"}, {"Key": "ü", "Value": "y"}]
    assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == tags
    assert describe(arn)["Tags"] == tags
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["team"])
    assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == tags[1:]

    assert rds.delete_integration(IntegrationIdentifier=arn)["Status"] == "deleting"

    def gone():
        try:
            describe(arn)
        except rds.exceptions.IntegrationNotFoundFault:
            return True

    wait_for("gone", gone)


def events():
    # Of `life2`, which `one_life` has deleted.
    found = rds.describe_events(SourceType="zero-etl", SourceIdentifier="life2", Duration=60)["Events"]
    numbers = [event["Message"].rsplit("-", 1)[1].rstrip(")") for event in found]
    assert numbers == ["0001", "0000", "0017", "0016", "0017", "0013", "0002", "0001"], found
    assert {event["SourceIdentifier"] for event in found} == {found[0]["SourceArn"].rsplit(":", 1)[1]}, found
    assert all(event["SourceType"] == "zero-etl" for event in found), found
    ends = [event["Date"] for event in found]
    assert ends == sorted(ends) and ends[0].tzinfo is not None, ends
    assert rds.describe_events(StartTime=ends[0], EndTime=ends[-1])["Events"] == found
    operations = rds.describe_events(StartTime=ends[0], EventCategories=["operation"])["Events"]
    assert operations == [event for event in found if event["EventCategories"] == ["operation"]], operations
    assert len(operations) == 3, operations
    [categories] = rds.describe_event_categories(SourceType="zero-etl")["EventCategoriesMapList"]
    assert categories == {
        "SourceType": "zero-etl",
        "EventCategories": ["configuration", "monitoring", "operation"],
    }, categories
    refused("InvalidParameterCombination", 400, rds.describe_events, SourceIdentifier="life2")
    refused("InvalidParameterValue", 400, rds.describe_events, MaxRecords=10)


def pages_of_events():
    seen = []
    for page in rds.get_paginator("describe_events").paginate(Duration=60, PaginationConfig={"PageSize": 20}):
        seen += [(event["SourceArn"], event["Message"]) for event in page["Events"]]
        if len(seen) < 100:
            rds.modify_integration(IntegrationIdentifier="page-0", Description=f"{len(seen)}")
    assert len(seen) > 262 * 2, len(seen)
    started = [arn for arn, message in seen if "EVENT-0001)" in message and "ZEROETL" in message]
    assert len(started) == len(set(started)) >= 262, len(started)


def pages():
    staying = [create(f"page-{index}")["IntegrationArn"] for index in range(250)]
    leaving = [create(f"gone-{index}")["IntegrationArn"] for index in range(12)]
    for arn in leaving:
        wait_for("active", lambda: describe(arn)["Status"] == "active")
    seen = []
    paginator = rds.get_paginator("describe_integrations")
    for page in paginator.paginate(PaginationConfig={"PageSize": 20}):
        seen += [integration["IntegrationArn"] for integration in page["Integrations"]]
        if leaving:
            rds.delete_integration(IntegrationIdentifier=leaving.pop())
        create(f"more-{len(seen)}")
    assert len(seen) == len(set(seen))
    assert [arn for arn in seen if arn in set(staying)] == staying
    by_status = paginator.paginate(Filters=[{"Name": "status", "Values": ["nonsense"]}]).build_full_result()
    assert by_status["Integrations"] == [], by_status


def refusals():
    refused("IntegrationNotFoundFault", 404, rds.describe_integrations, IntegrationIdentifier="nobody")
    refused("InvalidParameterValue", 400, rds.describe_integrations, MaxRecords=10)
    message = refused("InvalidParameterValue", 400, rds.describe_integrations, Filters=[{"Name": "x", "Values": ["y"]}])
    assert message == "Unrecognized filter name: x", message
    message = refused("IntegrationConflictOperationFault", 400, create, "page-0")
    assert "Integration names must be unique within an account" in message
    source = SETUP["sources"][0].rsplit(":", 1)[0] + ":nobody"
    refused("DBInstanceNotFound", 404, create, "x", SourceArn=source)
    try:
        create("x", SourceArn=source)
    except rds.exceptions.DBInstanceNotFoundFault:
        pass
    message = refused("InvalidParameterValue", 400, create, "x", DataFilter="exclude: a.b.c")
    assert message == "Your data filter must contain at least one include statement", message
    refused("KMSKeyNotAccessibleFault", 400, create, "x", KMSKeyId="alias/x")
    context = {"a": "b"}
    refused("InvalidParameterCombination", 400, create, "x", AdditionalEncryptionContext=context)
    refused("InvalidAction", 400, rds.describe_db_snapshots)
    refused("InvalidAction", 400, client("redshift").describe_tags)
    refused("RequestEntityTooLarge", 413, create, "x", Description="x" * 5_000_000)
    refused("InvalidParameterValue", 400, create, "x", Description="x" * 1_000_000)


def strangers():
    wrong = client(aws_secret_access_key="wrong", aws_access_key_id="AKIDEXAMPLE")
    refused("SignatureDoesNotMatch", 403, wrong.describe_integrations)
    nobody = client(aws_secret_access_key="wrong", aws_access_key_id="AKIDNOBODY")
    refused("InvalidClientTokenId", 403, nobody.describe_integrations)
    refused("SignatureDoesNotMatch", 403, client(region_name="eu-west-1").describe_integrations)
    refused("InvalidAction", 400, client("ec2").describe_instances)

    tampered = client()

    def tamper(request: AWSPreparedRequest, **_):
        body = request.body if isinstance(request.body, bytes) else request.body.encode()
        request.body = body.replace(b"MaxRecords=20", b"MaxRecords=30")

    tampered.meta.events.register("before-send.rds.DescribeIntegrations", tamper)
    refused("SignatureDoesNotMatch", 403, tampered.describe_integrations, MaxRecords=20)

    stale = client()

    def make_stale(request: AWSPreparedRequest, **_):
        request.headers["X-Amz-Date"] = "20200101T000000Z"

    stale.meta.events.register("before-send.rds.DescribeIntegrations", make_stale)
    message = refused("SignatureDoesNotMatch", 403, stale.describe_integrations)
    assert message.startswith("Signature expired: "), message


def reader():
    key = SETUP["reader"]
    bounded = client(aws_access_key_id=key["id"], aws_secret_access_key=key["secret"])
    assert bounded.describe_integrations()["Integrations"]
    message = refused("AccessDenied", 403, bounded.delete_integration, IntegrationIdentifier="page-0")
    prefix = f"User: arn:aws:iam::{SETUP['account']}:user/reader is not authorized to perform: rds:DeleteIntegration on "
    assert message.startswith(prefix + "resource: arn:aws:rds:us-east-1:"), message
    assert message.endswith(" because no identity-based policy allows the rds:DeleteIntegration action"), message


one_life()
events()
pages()
pages_of_events()
refusals()
strangers()
reader()
print("ok")
