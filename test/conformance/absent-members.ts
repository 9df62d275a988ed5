import { absent, type Absence } from "./scenario.ts";

// Members of what the service finds and did not make, which has far fewer sides here than at AWS.

function inside(path: string, because: string, names: string): Absence {
  const { names: short } = absent(because, names);
  return { because, names: short.map((name) => `${path}.${name}`) };
}

const machine = "the server is its operator's: its machine, storage and network are not known here";
const administered =
  "nothing here administers the server: no backup, maintenance, parameters, keys or monitoring";
const unasked = "only the server itself knows, and an answer of the API does not wait for it";
const access = "who may log in at the server is not for callers of this API to know";
const relatives = "replicas and clusters of a server are sources of their own, or none";
const keys = "access to a warehouse goes by the keys of this API";
const features = "a feature of AWS that is not here";

/** Of `DescribeDBInstances`. */
export const instanceMembers: readonly Absence[] = [
  inside(
    "DBInstances[]",
    machine,
    `DBInstanceClass Endpoint.HostedZoneId AllocatedStorage InstanceCreateTime DBSecurityGroups VpcSecurityGroups
    AvailabilityZone DBSubnetGroup MultiAZ Iops StorageThroughput SecondaryAvailabilityZone PubliclyAccessible StorageType
    StorageEncryptionType DbInstancePort StorageEncrypted ProcessorFeatures ListenerEndpoint MaxAllocatedStorage
    CustomerOwnedIpEnabled NetworkType DedicatedLogVolume IsStorageConfigUpgradeAvailable AdditionalStorageVolumes
    StorageVolumeStatus`,
  ),
  inside(
    "DBInstances[]",
    administered,
    `PreferredBackupWindow BackupRetentionPeriod DBParameterGroups PreferredMaintenanceWindow UpgradeRolloutOrder
    PendingModifiedValues LatestRestorableTime AutoMinorVersionUpgrade LicenseModel OptionGroupMemberships StatusInfos
    TdeCredentialArn KmsKeyId CACertificateIdentifier CopyTagsToSnapshot MonitoringInterval EnhancedMonitoringResourceArn
    MonitoringRoleArn EnabledCloudwatchLogsExports DeletionProtection AutomationMode ResumeFullAutomationModeTime
    AwsBackupRecoveryPointArn DBInstanceAutomatedBackupsReplications BackupTarget AutomaticRestartTime CertificateDetails
    PercentProgress EngineLifecycleSupport`,
  ),
  inside(
    "DBInstances[]",
    unasked,
    "DBName CharacterSetName NcharCharacterSetName Timezone DBSystemId MultiTenant",
  ),
  inside(
    "DBInstances[]",
    access,
    "MasterUsername MasterUserSecret IAMDatabaseAuthenticationEnabled DomainMemberships AssociatedRoles",
  ),
  inside(
    "DBInstances[]",
    relatives,
    `ReadReplicaSourceDBInstanceIdentifier ReadReplicaDBInstanceIdentifiers ReadReplicaDBClusterIdentifiers ReplicaMode
    DBClusterIdentifier PromotionTier ReadReplicaSourceDBClusterIdentifier`,
  ),
  inside(
    "DBInstances[]",
    features,
    `DatabaseInsightsMode PerformanceInsightsEnabled PerformanceInsightsKMSKeyId PerformanceInsightsRetentionPeriod
    ActivityStreamStatus ActivityStreamKmsKeyId ActivityStreamKinesisStreamName ActivityStreamMode
    ActivityStreamEngineNativeAuditFieldsIncluded CustomIamInstanceProfile ActivityStreamPolicyStatus`,
  ),
];

/** Of `DescribeDBClusters`. */
export const clusterMembers: readonly Absence[] = [
  inside(
    "DBClusters[]",
    machine,
    `AllocatedStorage AvailabilityZones DBSubnetGroup ReaderEndpoint CustomEndpoints MultiAZ VpcSecurityGroups HostedZoneId
    StorageEncrypted StorageEncryptionType ClusterCreateTime Capacity DBClusterInstanceClass StorageType Iops
    StorageThroughput IOOptimizedNextAllowedModificationTime PubliclyAccessible NetworkType ScalingConfigurationInfo
    ServerlessV2ScalingConfiguration ServerlessV2PlatformVersion VPCNetworkingEnabled InternetAccessGatewayEnabled`,
  ),
  inside(
    "DBClusters[]",
    administered,
    `BackupRetentionPeriod DBClusterParameterGroup PercentProgress EarliestRestorableTime LatestRestorableTime
    DBClusterOptionGroupMemberships PreferredBackupWindow PreferredMaintenanceWindow UpgradeRolloutOrder StatusInfos KmsKeyId
    EarliestBacktrackTime BacktrackWindow BacktrackConsumedChangeRecords EnabledCloudwatchLogsExports PendingModifiedValues
    AutoMinorVersionUpgrade DeletionProtection CopyTagsToSnapshot AutomaticRestartTime MonitoringInterval MonitoringRoleArn
    AwsBackupRecoveryPointArn CertificateDetails EngineLifecycleSupport`,
  ),
  inside("DBClusters[]", unasked, "CharacterSetName DatabaseName EngineMode DBSystemId"),
  inside(
    "DBClusters[]",
    access,
    "MasterUsername MasterUserSecret IAMDatabaseAuthenticationEnabled DomainMemberships AssociatedRoles",
  ),
  inside(
    "DBClusters[]",
    relatives,
    `ReplicationSourceIdentifier ReadReplicaIdentifiers DBClusterMembers CloneGroupId CrossAccountClone
    GlobalClusterIdentifier GlobalWriteForwardingStatus GlobalWriteForwardingRequested LocalWriteForwardingStatus`,
  ),
  inside(
    "DBClusters[]",
    features,
    `RdsCustomClusterConfiguration HttpEndpointEnabled ActivityStreamMode ActivityStreamStatus ActivityStreamKmsKeyId
    ActivityStreamKinesisStreamName DatabaseInsightsMode PerformanceInsightsEnabled PerformanceInsightsKMSKeyId
    PerformanceInsightsRetentionPeriod LimitlessDatabase ClusterScalabilityType`,
  ),
];

/** Of `DescribeDBEngineVersions`. */
export const engineVersionMembers: readonly Absence[] = [
  inside(
    "DBEngineVersions[]",
    "a version is what a source may run, not what can be provisioned",
    `DatabaseInstallationFilesS3BucketName DatabaseInstallationFilesS3Prefix DatabaseInstallationFiles
    CustomDBEngineVersionManifest DBParameterGroupFamily DBEngineDescription DBEngineVersionArn DBEngineVersionDescription
    DefaultCharacterSet FailureReason Image DBEngineMediaType KMSKeyId CreateTime SupportedCharacterSets
    SupportedNcharCharacterSets ValidUpgradeTarget SupportedTimezones TagList SupportedCACertificateIdentifiers`,
  ),
  inside(
    "DBEngineVersions[]",
    features,
    `ExportableLogTypes SupportsLogExportsToCloudwatchLogs SupportsReadReplica SupportedFeatureNames SupportsParallelQuery
    SupportsGlobalDatabases SupportsBabelfish SupportsLimitlessDatabase SupportsCertificateRotationWithoutRestart
    SupportsLocalWriteForwarding ServerlessV2FeaturesSupport`,
  ),
];

/** Of `DescribeClusters` of Redshift. */
export const warehouseMembers: readonly Absence[] = [
  inside(
    "Clusters[]",
    "a warehouse is a file of this service: it has no nodes, no network and no address of its own",
    `NodeType Endpoint ClusterSecurityGroups VpcSecurityGroups ClusterSubnetGroupName VpcId AvailabilityZone NumberOfNodes
    PubliclyAccessible ClusterPublicKey ClusterNodes ElasticIpStatus EnhancedVpcRouting ElasticResizeNumberOfNodeOptions
    ResizeInfo TotalStorageCapacityInMegaBytes CustomDomainName
    CustomDomainCertificateArn CustomDomainCertificateExpiryDate IpAddressType MultiAZSecondary
    ReservedNodeExchangeStatus DataTransferProgress`,
  ),
  inside(
    "Clusters[]",
    "nothing here administers a warehouse: no snapshot, maintenance, parameters or encryption",
    `ModifyStatus ClusterCreateTime AutomatedSnapshotRetentionPeriod ManualSnapshotRetentionPeriod ClusterParameterGroups
    PreferredMaintenanceWindow PendingModifiedValues ClusterVersion AllowVersionUpgrade Encrypted RestoreStatus HsmStatus
    ClusterSnapshotCopyStatus ClusterRevisionNumber KmsKeyId PendingActions MaintenanceTrackName
    DeferredMaintenanceWindows SnapshotScheduleIdentifier SnapshotScheduleState ExpectedNextSnapshotScheduleTime
    ExpectedNextSnapshotScheduleTimeStatus NextMaintenanceWindowStartTime`,
  ),
  inside(
    "Clusters[]",
    keys,
    "MasterUsername IamRoles DefaultIamRoleArn MasterPasswordSecretArn MasterPasswordSecretKmsKeyId",
  ),
  inside(
    "Clusters[]",
    features,
    "AquaConfiguration LakehouseRegistrationStatus CatalogArn ExtraComputeForAutomaticOptimization",
  ),
  inside("Clusters[]", "a warehouse has no tags", "Tags[].Key Tags[].Value"),
];

/** Of `DescribeLoggingStatus` of Redshift. */
export const loggingMembers: readonly Absence[] = [
  absent(
    "no audit log is delivered",
    `BucketName S3KeyPrefix LastSuccessfulDeliveryTime LastFailureTime LastFailureMessage LogDestinationType LogExports`,
  ),
];

const nowhere =
  "a warehouse is a file of this service: it has no capacity, no network and no address of its own";
const untended = "nothing here administers a warehouse: no parameters, encryption, logs or versions";

/** Of the namespaces of Redshift Serverless, wherever they are in an output. */
export function namespaceMembers(path: string): readonly Absence[] {
  return [
    inside(
      path,
      keys,
      "adminPasswordSecretArn adminPasswordSecretKmsKeyId adminUsername defaultIamRoleArn iamRoles",
    ),
    inside(path, untended, "creationDate kmsKeyId logExports"),
    inside(path, features, "catalogArn lakehouseRegistrationStatus"),
  ];
}

/** Of the workgroups of Redshift Serverless, wherever they are in an output. */
export function workgroupMembers(path: string): readonly Absence[] {
  return [
    inside(
      path,
      nowhere,
      `baseCapacity crossAccountVpcs customDomainCertificateArn customDomainCertificateExpiryTime customDomainName endpoint
      enhancedVpcRouting ipAddressType maxCapacity port publiclyAccessible securityGroupIds subnetIds`,
    ),
    inside(
      path,
      untended,
      "configParameters creationDate patchVersion pendingTrackName trackName workgroupVersion",
    ),
    inside(path, features, "extraComputeForAutomaticOptimization pricePerformanceTarget"),
  ];
}
