//! The contract of the simulated members: the same requests to one of them and to a real API server.

#[path = "../support/kube/mod.rs"]
mod kube;

#[tokio::test]
async fn a_real_api_server_answers_under_its_own_version() {
    let Some(kube) = kube::shared() else { return };
    for name in kube::SHARED {
        let version = kube.server(name).client().await.apiserver_version().await.unwrap();
        assert_eq!(version.git_version, "v1.36.3");
    }
}
