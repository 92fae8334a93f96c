//! What stands in the cluster before anything is loaded into it.

use serde_json::{Value, json};

use super::pod::kubelet::NODE_ADDRESS;
use super::pod::webhook::VERSION;
use crate::sandbox::world::World;

/// The name of the one node.
pub(super) const NODE: &str = "cn-sandbox.192.168.0.10";

const WEBHOOK: &str = "ack-pod-identity-webhook";

/// The objects, in the order in which they are made.
pub(super) fn objects(world: &World, now: &str) -> Vec<Value> {
    let namespaces = ["default", "kube-system", "kube-public"];
    let mut objects: Vec<Value> = namespaces
        .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
        .to_vec();
    objects.push(node(world, now));
    objects.push(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "ack-cluster-profile", "namespace": "kube-system"},
        "data": {
            "clusterid": world.cluster_id,
            "uid": world.account_id,
            "vpcid": "vpc-sandbox0000000000000",
            "timezone": "Asia/Shanghai",
        },
    }));
    if world.cluster.webhook {
        objects.extend(webhook(world));
    }
    objects
}

fn node(world: &World, now: &str) -> Value {
    let region = &world.region;
    let condition = json!({
        "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
        "lastHeartbeatTime": now, "lastTransitionTime": now,
    });
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": NODE, "labels": {
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": NODE,
            "kubernetes.io/os": "linux",
            "topology.kubernetes.io/region": region,
            "topology.kubernetes.io/zone": format!("{region}-a"),
            "alibabacloud.com/ecs-region-id": region,
        }},
        "spec": {"providerID": format!("{region}.i-sandbox0000000000000")},
        "status": {
            "conditions": [condition],
            "addresses": [
                {"type": "InternalIP", "address": NODE_ADDRESS},
                {"type": "Hostname", "address": NODE},
            ],
            "nodeInfo": {
                "kubeletVersion": "v1.36.2-aliyun.1", "osImage": "Alibaba Cloud Linux 3", "architecture": "amd64",
                "operatingSystem": "linux", "kernelVersion": "5.10.134",
                "containerRuntimeVersion": "containerd://2.1.0",
            },
        },
    })
}

fn webhook(world: &World) -> [Value; 2] {
    let image = format!("registry-{0}-vpc.ack.aliyuncs.com/acs/{WEBHOOK}:{VERSION}", world.region);
    let metadata = json!({"name": WEBHOOK, "namespace": "kube-system", "labels": {"app": WEBHOOK}});
    let selector = json!({"matchLabels": {"app": WEBHOOK}});
    let template = json!({
        "metadata": {"labels": {"app": WEBHOOK}},
        "spec": {"containers": [{"name": WEBHOOK, "image": image}]},
    });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {"replicas": 2, "selector": selector, "template": template},
        "status": {
            "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
            "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}],
        },
    });
    let rule = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"], "scope": "*",
    });
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": WEBHOOK, "labels": {"app": WEBHOOK}},
        "webhooks": [{
            "name": "ack-pod-identity-webhook.kube-system.svc",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"name": WEBHOOK, "namespace": "kube-system", "path": "/mutate", "port": 443}},
            "failurePolicy": "Ignore", "matchPolicy": "Equivalent", "reinvocationPolicy": "Never",
            "rules": [rule], "sideEffects": "None", "timeoutSeconds": 10,
        }],
    });
    [deployment, configuration]
}
