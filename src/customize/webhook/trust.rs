//! Which servers are trusted, and why one is not, in words.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::cause::WebhookCause;

/// Trusts servers whose certificate one of these has signed, or is.
///
/// The second is for self-signed certificates, which often say that they may sign others: RFC 5280 lets
/// a verifier refuse such a one for a server, and the library does. Whoever put it into the bundle named
/// it, though. Its time, its name and the server's hold of its key are verified all the same.
#[derive(Debug)]
pub(super) struct Trust {
    inner: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// Those of a bundle, PEM in base64, or those of the operating system.
    pub(super) fn new(
        ca_bundle: Option<&str>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, WebhookCause> {
        let unread = |why: &str| WebhookCause::Untrusted(why.to_owned());
        let mut roots = RootCertStore::empty();
        let mut named = Vec::new();
        if let Some(bundle) = ca_bundle {
            let text: String = bundle.split_ascii_whitespace().collect();
            let pem = STANDARD.decode(text).map_err(|_| unread("`caBundle` cannot be read"))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|_| unread("`caBundle` cannot be read"))?;
                named.push(certificate.clone());
                roots.add(certificate).map_err(|_| unread("`caBundle` cannot be read"))?;
            }
            if roots.is_empty() {
                return Err(unread("`caBundle` cannot be read"));
            }
        } else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let nobody = |_| unread("the operating system names nobody who is trusted");
        Ok(Self { inner: inner.map_err(nobody)?, named })
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // INVARIANT: the library looks at the time before it says this.
            Err(Error::InvalidCertificate(why))
                if webpki_error(&why) == Some(&webpki::Error::CaUsedAsEndEntity)
                    && self.named.iter().any(|named| named == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn webpki_error(why: &CertificateError) -> Option<&webpki::Error> {
    match why {
        CertificateError::Other(other) => other.0.downcast_ref(),
        _ => None,
    }
}

/// What a failed handshake is told as. Equal failures have equal words, so without the time.
pub(super) fn cause(error: &Error) -> WebhookCause {
    let unreachable = |why: &str| WebhookCause::Unreachable(why.to_owned());
    match error {
        Error::InvalidCertificate(why) => WebhookCause::Untrusted(untrusted(why).to_owned()),
        Error::NoCertificatesPresented => {
            WebhookCause::Untrusted("the server shows none".to_owned())
        }
        Error::InvalidMessage(_) => unreachable("what answers there does not speak TLS"),
        Error::PeerIncompatible(_) => {
            unreachable("the server speaks neither TLS 1.2 nor 1.3 in a way that is safe")
        }
        Error::AlertReceived(alert) => unreachable(&format!(
            "the server refused the TLS handshake (alert {})",
            u8::from(*alert)
        )),
        _ => unreachable("the TLS handshake failed"),
    }
}

fn untrusted(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another host"
        }
        // The second is an authority of the same name with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "nobody who is trusted has signed it"
        }
        CertificateError::BadEncoding => "it cannot be read",
        CertificateError::Revoked => "it is revoked",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for servers (extended key usage)"
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "it is signed by an algorithm that is not accepted"
        }
        other => match webpki_error(other) {
            Some(webpki::Error::CaUsedAsEndEntity) => {
                "it is an authority's own, and `caBundle` does not hold it"
            }
            Some(webpki::Error::EndEntityUsedAsCa) => {
                "a certificate that signed it is no authority's"
            }
            Some(webpki::Error::UnsupportedCertVersion) => "it is not of X.509 version 3",
            Some(webpki::Error::NameConstraintViolation) => {
                "its authority may not sign for this host"
            }
            _ => "it is not what a server's certificate has to be",
        },
    }
}
