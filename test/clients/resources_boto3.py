"""Looks around as a user of boto3 does: sources, targets, who calls. Usage: resources_boto3.py ENDPOINT SETUP; prints `ok`.

SETUP is JSON: {"sources": [{"name", "kind", "engine", "arn"}], "targets": [{"name", "arn", "namespaceId"}], "account",
"user"}. The first source is an instance of PostgreSQL. No integration exists yet.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, SETUP = sys.argv[1], json.loads(sys.argv[2])
SOURCES, TARGETS = SETUP["sources"], SETUP["targets"]


def client(service):
    return boto3.client(service, endpoint_url=ENDPOINT, config=Config(retries={"total_max_attempts": 1}))


rds, redshift, sts = client("rds"), client("redshift"), client("sts")
serverless = client("redshift-serverless")


def refused(code, status, call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        got = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert got == (code, status), got
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} expected")


def every(service, action, key, **parameters):
    pages = service.get_paginator(action).paginate(**parameters, PaginationConfig={"PageSize": 20})
    lists = [page[key] for page in pages]
    assert all(len(each) == 20 for each in lists[:-1]), [len(each) for each in lists]
    return [item for each in lists for item in each]


def caller():
    identity = sts.get_caller_identity()
    arn = f"arn:aws:iam::{SETUP['account']}:user/{SETUP['user']}"
    assert (identity["Account"], identity["Arn"], identity["UserId"]) == (SETUP["account"], arn, SETUP["user"]), identity


def databases():
    instances = every(rds, "describe_db_instances", "DBInstances")
    wanted = sorted(source["name"] for source in SOURCES if source["kind"] == "instance")
    assert [instance["DBInstanceIdentifier"] for instance in instances] == wanted
    [cluster] = every(rds, "describe_db_clusters", "DBClusters")
    [configured] = [source for source in SOURCES if source["kind"] == "cluster"]
    assert cluster["DBClusterArn"] == configured["arn"] and cluster["Engine"] == configured["engine"], cluster
    assert isinstance(cluster["Port"], int) and cluster["Status"] == "available", cluster
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier=configured["arn"])

    arn, name = SOURCES[0]["arn"], SOURCES[0]["name"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "team", "Value": "data"}])
    by_id = [{"Name": "db-instance-id", "Values": [name, arn]}, {"Name": "engine", "Values": ["postgres"]}]
    [instance] = rds.describe_db_instances(Filters=by_id)["DBInstances"]
    assert instance["TagList"] == rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "team", "Value": "data"}]
    assert instance["Endpoint"] == {"Address": f"{name}.example", "Port": 5432}, instance
    assert "MasterUsername" not in instance
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=name)
    refused("DBInstanceNotFound", 404, rds.describe_db_instances, DBInstanceIdentifier="nobody")
    refused("DBClusterNotFoundFault", 404, rds.describe_db_clusters, DBClusterIdentifier=name)
    message = refused("InvalidParameterValue", 400, rds.describe_db_clusters, Filters=[{"Name": "x", "Values": ["y"]}])
    assert message == "Unrecognized filter name: x", message

    versions = every(rds, "describe_db_engine_versions", "DBEngineVersions", Engine="postgres")
    assert versions and all(version["SupportsIntegrations"] is True for version in versions), versions
    [default] = rds.describe_db_engine_versions(Engine="postgres", DefaultOnly=True)["DBEngineVersions"]
    assert default == versions[-1], default


def warehouses():
    clusters = every(redshift, "describe_clusters", "Clusters")
    assert [cluster["ClusterIdentifier"] for cluster in clusters] == sorted(target["name"] for target in TARGETS)
    name, arn = TARGETS[0]["name"], TARGETS[0]["arn"]
    redshift.get_waiter("cluster_available").wait(ClusterIdentifier=name)
    [cluster] = redshift.describe_clusters(ClusterIdentifier=name)["Clusters"]
    assert cluster["ClusterNamespaceArn"] == arn and cluster["Tags"] == [], cluster
    refused("ClusterNotFound", 404, redshift.describe_clusters, ClusterIdentifier="nobody")
    assert redshift.describe_clusters(TagKeys=["a"], TagValues=["b"])["Clusters"] == []


def namespaces():
    target = TARGETS[0]
    namespace = serverless.get_namespace(namespaceName=target["name"])["namespace"]
    assert namespace == {
        "namespaceArn": target["arn"],
        "namespaceId": target["namespaceId"],
        "namespaceName": target["name"],
        "status": "AVAILABLE",
        "dbName": "dev",
    }, namespace
    assert namespace in every(serverless, "list_namespaces", "namespaces")
    workgroup = serverless.get_workgroup(workgroupName=target["name"])["workgroup"]
    assert workgroup["namespaceName"] == target["name"] and workgroup["status"] == "AVAILABLE", workgroup
    assert "endpoint" not in workgroup, workgroup
    workgroups = every(serverless, "list_workgroups", "workgroups", ownerAccount=SETUP["account"])
    assert [each["workgroupName"] for each in workgroups] == sorted(target["name"] for target in TARGETS)
    message = refused("ResourceNotFoundException", 400, serverless.get_namespace, namespaceName="nobody")
    assert message == "The namespace nobody does not exist.", message
    try:
        serverless.get_workgroup(workgroupName="nobody")
    except serverless.exceptions.ResourceNotFoundException:
        pass
    refused("ValidationException", 400, serverless.list_namespaces, nextToken="nothing")
    refused("UnknownOperationException", 400, serverless.list_snapshots)
    stranger = boto3.client("redshift-serverless", endpoint_url=ENDPOINT, aws_secret_access_key="x", aws_access_key_id="AKIDNOBODY")
    refused("UnrecognizedClientException", 400, stranger.list_namespaces)


def integrations():
    assert redshift.describe_inbound_integrations()["InboundIntegrations"] == []
    made = rds.create_integration(
        SourceArn=SOURCES[0]["arn"], TargetArn=TARGETS[0]["arn"], IntegrationName="seen", DataFilter="include: shop.*.*"
    )
    [inbound] = every(redshift, "describe_inbound_integrations", "InboundIntegrations", TargetArn=TARGETS[0]["arn"])
    assert inbound == {
        "IntegrationArn": made["IntegrationArn"],
        "SourceArn": made["SourceArn"],
        "TargetArn": made["TargetArn"],
        "Status": "creating",
        "Errors": [],
        "CreateTime": made["CreateTime"],
    }, inbound
    same = redshift.describe_inbound_integrations(IntegrationArn=made["IntegrationArn"])
    assert same["InboundIntegrations"] == [inbound], same
    assert redshift.describe_inbound_integrations(TargetArn=TARGETS[1]["arn"])["InboundIntegrations"] == []

    assert every(redshift, "describe_integrations", "Integrations") == []
    by_status = [{"Name": "status", "Values": ["creating"]}, {"Name": "source-types", "Values": ["dynamodb"]}]
    assert redshift.describe_integrations(Filters=by_status)["Integrations"] == []
    arn = made["IntegrationArn"].replace(":rds:", ":redshift:")
    refused("IntegrationNotFoundFault", 404, redshift.describe_inbound_integrations, IntegrationArn=arn)
    refused("IntegrationNotFoundFault", 404, redshift.describe_integrations, IntegrationArn=arn)
    refused("IntegrationNotFoundFault", 404, redshift.modify_integration, IntegrationArn=arn, IntegrationName="x")
    refused("IntegrationNotFoundFault", 404, redshift.delete_integration, IntegrationArn=arn)
    for source in ("arn:aws:s3:::bucket", "arn:aws:dynamodb:us-east-1:123456789012:table/orders"):
        wish = dict(SourceArn=source, TargetArn=TARGETS[0]["arn"], IntegrationName="x", TagList=[{"Key": "k", "Value": "v"}])
        refused("UnsupportedOperation", 400, redshift.create_integration, **wish)
        try:
            redshift.create_integration(**wish)
        except redshift.exceptions.UnsupportedOperationFault:
            pass
    missing = TARGETS[0]["arn"][:-4] + "ffff"
    refused("InvalidNamespaceFault", 400, redshift.describe_inbound_integrations, TargetArn=missing)


def policies():
    arn, [source, other] = TARGETS[2]["arn"], [source["arn"] for source in SOURCES if source["engine"] == "postgres"][:2]
    refused("ResourceNotFoundFault", 404, redshift.get_resource_policy, ResourceArn=arn)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "redshift.amazonaws.com"},
        "Action": ["redshift:AuthorizeInboundIntegration"],
        "Condition": {"StringEquals": {"aws:SourceArn": source}},
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)
    colons = arn.replace("redshift-serverless", "redshift").replace("namespace/", "namespace:")
    put = redshift.put_resource_policy(ResourceArn=colons, Policy=text)
    assert put["ResourcePolicy"] == {"ResourceArn": arn, "Policy": text}, put
    assert redshift.get_resource_policy(ResourceArn=arn)["ResourcePolicy"] == put["ResourcePolicy"]
    wish = dict(TargetArn=arn, IntegrationName="guarded", DataFilter="include: shop.*.*")
    message = refused("AccessDenied", 403, rds.create_integration, SourceArn=other, **wish)
    assert "redshift:AuthorizeInboundIntegration" in message and other in message, message
    assert rds.create_integration(SourceArn=source, **wish)["Status"] == "creating"
    for policy in ("", "{}", text.replace("Principal", "Principle"), text[:-1]):
        refused("InvalidPolicyFault", 400, redshift.put_resource_policy, ResourceArn=arn, Policy=policy)
    try:
        redshift.put_resource_policy(ResourceArn=arn, Policy="{}")
    except redshift.exceptions.InvalidPolicyFault as error:
        assert "must have Statement" in str(error), error
    redshift.delete_resource_policy(ResourceArn=arn)
    refused("ResourceNotFoundFault", 404, redshift.delete_resource_policy, ResourceArn=arn)
    refused("UnsupportedOperation", 400, redshift.get_resource_policy, ResourceArn="arn:aws:s3:::bucket")


caller()
databases()
warehouses()
namespaces()
integrations()
policies()
print("ok")
