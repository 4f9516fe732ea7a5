//! A person's own kubeconfig, and the one that is made from it: the same server, and a token.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

/// Letters in a line of PEM.
const PEM_LINE: usize = 64;

/// Where an API server is, and by what it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its address, without a slash at the end.
    pub url: String,
    /// Certificates, in DER, of which one has signed the server's; none: those that the machine trusts.
    authorities: Vec<Vec<u8>>,
    tls_server_name: Option<String>,
    is_unchecked: bool,
}

impl Server {
    /// The server that `config` leads to. The file of a certificate authority has to be read before.
    #[must_use]
    pub fn of(config: &kube::Config) -> Self {
        Self {
            url: config.cluster_url.to_string().trim_end_matches('/').to_owned(),
            authorities: config.root_cert.clone().unwrap_or_default(),
            tls_server_name: config.tls_server_name.clone(),
            is_unchecked: config.accept_invalid_certs,
        }
    }
}

/// Reads the files that `config` names, which are found from the directory `dir` of its kubeconfig as kubectl
/// finds them, so that it names none any more but those of a client's certificate and key.
///
/// # Errors
/// One cannot be read, or is no certificate; with its path.
pub fn read_files(config: &mut kube::Config, dir: &Path) -> Result<(), (PathBuf, std::io::Error)> {
    let place = |path: &str| dir.join(path);
    if let Some(path) = config.root_cert_file.take() {
        let path = dir.join(path);
        let read = std::fs::read(&path).and_then(|pem| {
            super::certificates(&BASE64.encode(pem))
                .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
        });
        config.root_cert = Some(read.map_err(|error| (path, error))?);
    }
    let user = &mut config.auth_info;
    if let Some(path) = user.token_file.take() {
        let path = place(&path);
        let token = std::fs::read_to_string(&path).map_err(|error| (path, error))?;
        user.token = Some(SecretString::from(token.trim().to_owned()));
    }
    for path in [&mut user.client_certificate, &mut user.client_key].into_iter().flatten() {
        *path = place(path).to_string_lossy().into_owned();
    }
    Ok(())
}

/// A kubeconfig for `server` with the token of a service account. It names no file and runs no program.
#[must_use]
pub fn with_token(name: &str, server: &Server, token: &SecretString) -> Vec<u8> {
    let mut cluster = json!({"server": server.url});
    if !server.authorities.is_empty() {
        let pem: String = server.authorities.iter().map(|der| pem(der)).collect();
        cluster["certificate-authority-data"] = BASE64.encode(pem).into();
    }
    if let Some(name) = &server.tls_server_name {
        cluster["tls-server-name"] = name.as_str().into();
    }
    if server.is_unchecked {
        cluster["insecure-skip-tls-verify"] = true.into();
    }
    crate::api::yaml::to_bytes(&json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token.expose_secret()}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }))
}

fn pem(der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines = text.as_bytes().chunks(PEM_LINE).map(String::from_utf8_lossy);
    let body: Vec<_> = lines.collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", body.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::super::{Allow, parse, parse_context};
    use super::*;

    const TWO: &str = "
contexts:
- {name: a, context: {cluster: a, user: u}}
- {name: b, context: {cluster: b, user: u}}
current-context: a
clusters:
- {name: a, cluster: {server: 'https://a.example:6443'}}
- {name: b, cluster: {server: 'https://b.example:6443/', certificate-authority: ca.crt, tls-server-name: b}}
users:
- {name: u, user: {tokenFile: token}}
";

    #[test]
    fn what_is_written_leads_to_the_same_server_and_names_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let certificate = pem(&[7; 100]);
        std::fs::write(dir.path().join("ca.crt"), &certificate).unwrap();
        std::fs::write(dir.path().join("token"), "secret\n").unwrap();
        let files = Allow { files: true, ..Allow::default() };
        let mut config = parse_context(TWO.as_bytes(), Some("b"), files).unwrap();
        read_files(&mut config, dir.path()).unwrap();
        let token = config.auth_info.token.clone().unwrap();
        assert_eq!(token.expose_secret(), "secret");
        let server = Server::of(&config);
        assert_eq!(server.url, "https://b.example:6443");
        let written = with_token("east", &server, &token);
        let read = parse(&written, Allow::default()).expect("the strict type takes it");
        assert_eq!(Server::of(&read), server);
        assert_eq!(read.root_cert, Some(vec![vec![7; 100]]));
        assert_eq!(read.auth_info.token.unwrap().expose_secret(), "secret");
    }

    #[test]
    fn a_context_that_is_not_there_is_named() {
        let files = Allow { files: true, ..Allow::default() };
        let error = parse_context(TWO.as_bytes(), Some("c"), files).unwrap_err();
        assert_eq!(error.to_string(), "the context `c` is missing");
    }

    #[test]
    fn a_file_that_is_not_there_is_named_by_its_path() {
        let files = Allow { files: true, ..Allow::default() };
        let mut config = parse_context(TWO.as_bytes(), Some("b"), files).unwrap();
        let (path, _) = read_files(&mut config, Path::new("/nowhere")).unwrap_err();
        assert_eq!(path, Path::new("/nowhere/ca.crt"));
    }
}
