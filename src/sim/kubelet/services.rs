//! What a cloud would do: addresses for load balancers, volumes for claims.

use super::{CONTROLLERS, World, letters, name, text};
use serde_json::{Value, json};

pub(super) fn look_at_service(world: &mut World<'_>, service: &Value) {
    if service["spec"]["type"] != "LoadBalancer" {
        return;
    }
    if service["status"]["loadBalancer"]["ingress"].is_null() {
        let seed = format!("{}/{}", text(&service["metadata"]["namespace"]), name(service));
        let address = address([172, 18], &seed);
        let mut status = service["status"].clone();
        status["loadBalancer"] = json!({"ingress": [{"ip": address, "ipMode": "VIP"}]});
        world.update_status("cloud-controller-manager", service, status);
    }
}

pub(super) fn look_at_claim(world: &mut World<'_>, claim: &Value) {
    let spec = &claim["spec"];
    if spec["volumeName"].is_null() {
        let mut bound = claim.clone();
        bound["spec"]["volumeName"] = json!(format!("pvc-{}", text(&claim["metadata"]["uid"])));
        world.update(CONTROLLERS, claim, bound);
        return;
    }
    let status = json!({
        "phase": "Bound", "accessModes": spec["accessModes"],
        "capacity": {"storage": spec["resources"]["requests"]["storage"]},
    });
    world.update_status(CONTROLLERS, claim, status);
}

/// An address in a network that follows from a text.
pub(super) fn address(network: [u8; 2], seed: &str) -> String {
    let number = letters(seed, 6)
        .bytes()
        .fold(7_u32, |number, byte| number.wrapping_mul(31).wrapping_add(u32::from(byte)));
    format!("{}.{}.{}.{}", network[0], network[1], number >> 8 & 0xff, number % 254 + 1)
}
