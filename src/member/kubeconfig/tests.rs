use super::*;

const TOKEN: &str = "s3cr3t-t0ken";

/// A kubeconfig for one cluster, with more lines under `cluster:` and `user:`.
fn kubeconfig(server: &str, cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
         clusters:\n- name: k\n  cluster:\n    server: {server}\n{cluster}\n\
         users:\n- name: u\n  user:\n    token: {TOKEN}\n{user}\n"
    )
}

fn refusal(text: &str) -> KubeconfigError {
    let error = parse(text.as_bytes(), Allow::default()).expect_err("refused");
    let shown = format!("{error} {error:?} {}", error.hint());
    assert!(!shown.contains(TOKEN), "a secret in `{shown}`");
    error
}

#[test]
fn reads_inline_credentials() {
    let pem = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
    let ca = format!("    certificate-authority-data: {}", BASE64.encode(pem));
    let text = kubeconfig("https://east.example:6443", &ca, "    client-key-data: a2V5");
    let config = parse(text.as_bytes(), Allow::default()).unwrap();
    assert_eq!(config.cluster_url.to_string(), "https://east.example:6443/");
    assert_eq!(config.root_cert, Some(vec![vec![1, 2, 3]]));
    assert!(config.auth_info.token.is_some());
    assert!(!config.default_retry);
    assert!(!format!("{config:?}").contains(TOKEN));
}

#[test]
fn each_dangerous_field_has_its_own_refusal() {
    let https = "https://east.example";
    let cases = [
        (
            https,
            "",
            "    exec: {apiVersion: client.authentication.k8s.io/v1, command: x}",
            "KUBECONFIG_EXEC",
        ),
        (
            https,
            "",
            "    auth-provider: {name: gcp, config: {cmd-path: /bin/x}}",
            "KUBECONFIG_AUTH_PROVIDER",
        ),
        (https, "", "    tokenFile: /etc/shadow", "KUBECONFIG_FILE_REF"),
        (https, "", "    client-key: /etc/key", "KUBECONFIG_FILE_REF"),
        (https, "", "    client-certificate: /etc/cert", "KUBECONFIG_FILE_REF"),
        (https, "    certificate-authority: /etc/ca", "", "KUBECONFIG_FILE_REF"),
        (https, "    insecure-skip-tls-verify: true", "", "KUBECONFIG_INSECURE"),
        (https, "    proxy-url: http://proxy.example", "", "KUBECONFIG_PROXY"),
        ("http://east.example", "", "", "KUBECONFIG_HTTP"),
        (https, "", "    as: admin", "KUBECONFIG_IMPERSONATE"),
        (https, "", "    as-groups: [system:masters]", "KUBECONFIG_IMPERSONATE"),
        (https, "", "    username: a\n    password: b", "KUBECONFIG_BASIC"),
        ("https://169.254.169.254", "", "", "ENDPOINT_FORBIDDEN"),
        ("https://[fe80::1]", "", "", "ENDPOINT_FORBIDDEN"),
        ("file:///etc", "", "", "KUBECONFIG_BAD_VALUE"),
        ("https://a:b@east.example", "", "", "KUBECONFIG_BAD_VALUE"),
        (https, "    certificate-authority-data: '!'", "", "KUBECONFIG_BAD_VALUE"),
        (https, "", "    toke: x", "KUBECONFIG_SYNTAX"),
    ];
    for (server, cluster, user, code) in cases {
        assert_eq!(
            refusal(&kubeconfig(server, cluster, user)).code(),
            code,
            "{server}{cluster}{user}"
        );
    }
}

#[test]
fn plain_http_is_for_loopback_addresses_only() {
    for server in ["http://127.0.0.1:8080", "http://[::1]:8080"] {
        assert!(parse(kubeconfig(server, "", "").as_bytes(), Allow::default()).is_ok(), "{server}");
    }
    assert_eq!(refusal(&kubeconfig("http://localhost:1", "", "")).code(), "KUBECONFIG_HTTP");
}

#[test]
fn a_flag_of_the_operator_permits_what_it_names() {
    let text =
        kubeconfig("https://east.example", "    insecure-skip-tls-verify: true", "    as: a");
    let allow = Allow { insecure_tls: true, impersonation: true, ..Allow::default() };
    let config = parse(text.as_bytes(), allow).unwrap();
    assert!(config.accept_invalid_certs);
    assert_eq!(config.auth_info.impersonate.as_deref(), Some("a"));
}

#[test]
fn several_contexts_need_a_current_one() {
    let contexts = "contexts:\n- {name: a, context: {cluster: k}}\n- {name: b, context: {cluster: k}}\n\
                    clusters: [{name: k, cluster: {server: 'https://east.example'}}]\n";
    assert_eq!(refusal(contexts).code(), "KUBECONFIG_AMBIGUOUS");
    assert!(parse(format!("current-context: b\n{contexts}").as_bytes(), Allow::default()).is_ok());
    assert_eq!(refusal(&format!("current-context: c\n{contexts}")).code(), "KUBECONFIG_MISSING");
    assert_eq!(refusal("{}").code(), "KUBECONFIG_MISSING");
}

#[test]
fn a_syntax_error_names_the_place_and_no_value() {
    let error =
        refusal(&kubeconfig("https://east.example", "", "    client-key-data: [s3cr3t-t0ken]"));
    assert!(matches!(error, KubeconfigError::Syntax { line: 12.., .. }), "{error:?}");
    assert_eq!(refusal("a: [").code(), "KUBECONFIG_SYNTAX");
}

#[tokio::test]
async fn the_command_of_an_exec_plugin_is_never_started() {
    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join("started");
    let exec = format!(
        "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: touch\n      args: [{}]\n      interactiveMode: Never",
        marker.display()
    );
    let text =
        kubeconfig("https://east.example", "", &exec).replace(&format!("    token: {TOKEN}\n"), "");
    assert_eq!(refusal(&text).code(), "KUBECONFIG_EXEC");
    assert!(!marker.exists());
    // The same file with the operator's flag does start it: the marker would have told.
    let config = parse(text.as_bytes(), Allow { exec: true, ..Allow::default() }).unwrap();
    assert!(kube::Client::try_from(config).is_err(), "`touch` prints no credential");
    assert!(marker.exists());
}
