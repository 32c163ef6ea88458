//! What to try while everything keeps running.

use gumshoe_devstack::replay::ContainerId;
use gumshoe_devstack::stack::Stack;
use serde_json::json;

use crate::scene::Scene;

pub(crate) fn print(stack: &Stack, scene: &Scene) {
    let ContainerId { namespace, pod, .. } = &scene.crashed;
    let gumshoe = stack.binaries.directory().join("gumshoe");
    let gumshoe = gumshoe.display();
    println!("\n   # The connection, once a shell:");
    for (name, value) in stack.cli().environment() {
        println!("   export {name}={value}");
    }
    println!("\n   # Straight to the collector:");
    println!("   {gumshoe} get pods -A");
    println!("   {gumshoe} get events -n {namespace} --for pod/{pod}");
    println!("   {gumshoe} logs {pod} -n {namespace} --previous");
    println!("   {gumshoe} get pods {pod} -n {namespace} -o json");
    println!("\n   # Through the queues and the bridge:");
    println!("   {gumshoe} run --query 'get pods -n {namespace}' --query 'logs {pod} -n {namespace} --tail 5'");
    print_grpcurl(stack, scene);
    println!();
}

fn print_grpcurl(stack: &Stack, scene: &Scene) {
    let ContainerId { namespace, pod, container, .. } = &scene.crashed;
    let server = stack.collector_address();
    let grpcurl = "grpcurl -cacert $GUMSHOE_TLS_CA -cert $GUMSHOE_TLS_CERT -key $GUMSHOE_TLS_KEY";
    let service = "gumshoe.collector.v1";
    let pods = json!({"namespaces": [namespace]});
    let logs = json!({"namespace": namespace, "pod": pod, "containers": [container], "tailLines": "5"});
    println!("\n   # With any gRPC client; reflection is on:");
    println!("   {grpcurl} {server} list");
    println!("   {grpcurl} {server} describe {service}.LogService.ReadLogs");
    println!("   {grpcurl} -d '{pods}' {server} {service}.PodService/ListPods");
    println!("   {grpcurl} -d '{logs}' {server} {service}.LogService/ReadLogs");
}
