//! What a cluster's refusal means to a person: a stable code, and what to do.

use crate::daemon::Fault;
use crate::member::wire::RequestError;

/// The failed request in words. `what` was asked for; it is told where the server does not say it.
pub(in crate::cli) fn of(error: RequestError, what: &str) -> Fault {
    let (code, text, hint) = match error {
        RequestError::Unreachable(why) => {
            ("CLUSTER_UNREACHABLE", why, "check the address in its kubeconfig and the way there")
        }
        RequestError::Tls(why) => {
            ("CLUSTER_TLS", why, "check the certificate authority and this machine's clock")
        }
        RequestError::Auth => (
            "CLUSTER_AUTH",
            "the cluster does not accept the credentials".to_owned(),
            "check that they have not expired",
        ),
        RequestError::Forbidden(refusal) => (
            "CLUSTER_FORBIDDEN",
            refusal.to_string(),
            "ask for the right, or leave the cluster out with --clusters",
        ),
        RequestError::NotFound(refusal) => {
            ("NOT_FOUND", refusal.to_string(), "correct the name, or the namespace")
        }
        RequestError::Throttled { after } => (
            "CLUSTER_THROTTLED",
            format!(
                "the cluster asks for fewer requests, and for {} s of patience",
                after.as_secs()
            ),
            "run it again a little later",
        ),
        RequestError::Server(refusal) => (
            "CLUSTER_FAILS",
            format!("the cluster fails at {what}: {refusal}"),
            "see what its API server logs, or run it again",
        ),
        RequestError::Gone => (
            "CLUSTER_FAILS",
            format!("the cluster forgets {what} faster than they can be read"),
            "run it again, for fewer of them",
        ),
        RequestError::Conflict(refusal) | RequestError::Refused(refusal) => {
            ("CLUSTER_REFUSES", refusal.to_string(), "correct what was asked for")
        }
        RequestError::Nonsense(why) => (
            "CLUSTER_ANSWER",
            format!("the answer to {what} is not one that we understand: {why}"),
            "check that its kubeconfig leads to an API server",
        ),
    };
    Fault::new(code, text, hint)
}
