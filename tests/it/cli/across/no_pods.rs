//! A workload that is there, and none of whose pods are.

use git_fleet::sim::{Host, MemberSpec};

use super::{Clusters, told, web};

#[test]
fn a_workload_without_pods_is_told_from_one_that_is_not_there() {
    let mut idle = web();
    idle["spec"]["replicas"] = 0.into();
    let spec = MemberSpec { objects: vec![idle], ..MemberSpec::new("one") };
    let clusters = Clusters::of(Host::start(vec![spec]).unwrap());
    let logs = clusters.run(&["logs", "deploy/web"]);
    assert!(told(&logs).starts_with("error[NO_PODS]: deploy/web has no pods\n"), "{logs:?}");
    let exec = clusters.run(&["exec", "deploy/web", "--cluster", "one", "--", "true"]);
    let expected = "error[NO_PODS]: deploy/web has no pods in default namespace of cluster one\n";
    assert!(told(&exec).starts_with(expected), "{exec:?}");
    assert_ne!((logs.status.code(), exec.status.code()), (Some(0), Some(0)));
    let absent = clusters.run(&["logs", "deploy/wep"]);
    assert!(told(&absent).starts_with("error[NOT_FOUND]: deploy/wep not found"), "{absent:?}");
}
