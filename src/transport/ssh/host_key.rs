//! Whether the host is who it says it is.

use super::connect::Refusal;
use super::known_hosts::{KnownHosts, Verdict, append, name_of};
use super::plan::Plan;
use super::unreachable;
use crate::transport::HostKeyPolicy;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};
use ssh2::{HostKeyType, Session};

/// Key types, the preferred first; libssh2's names of the algorithms behind each.
const ALGORITHMS: &[(&str, &str)] = &[
    ("ssh-ed25519", "ssh-ed25519"),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"),
    ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"),
    ("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"),
    ("ssh-rsa", "rsa-sha2-512,rsa-sha2-256"),
];

/// The algorithms to offer: first those of the types that are known for the host, or a host with several keys would
/// show another one and look like a stranger.
pub fn algorithms(known: &[String]) -> String {
    let mut pairs: Vec<&(&str, &str)> = ALGORITHMS.iter().collect();
    // A stable sort: the order of preference stays among the known and among the unknown.
    pairs.sort_by_key(|(kind, _)| !known.iter().any(|other| other == kind));
    pairs.iter().map(|(_, names)| *names).collect::<Vec<_>>().join(",")
}

/// What is known for one connection.
pub struct Known {
    hosts: KnownHosts,
}

impl Known {
    pub fn load(plan: &Plan) -> Self {
        if plan.policy == HostKeyPolicy::Off {
            return Self { hosts: KnownHosts::default() };
        }
        let files: Vec<_> = plan.user_known_hosts.iter().chain(&plan.global_known_hosts).cloned().collect();
        Self { hosts: KnownHosts::load(&files) }
    }

    pub fn kinds(&self, plan: &Plan) -> Vec<String> {
        let (host, port) = identity(plan);
        self.hosts.kinds(host, port)
    }

    /// Whether only a certificate can tell who the host is.
    pub fn needs_authority(&self, plan: &Plan) -> bool {
        let (host, port) = identity(plan);
        self.hosts.has_authority(host, port) && self.hosts.kinds(host, port).is_empty()
    }

    /// Accepts or refuses the key that the host has shown.
    pub fn verify(&self, session: &Session, plan: &Plan) -> Result<(), Refusal> {
        if plan.policy == HostKeyPolicy::Off {
            return Ok(());
        }
        let Some((key, kind)) = session.host_key() else {
            return Err(unreachable("the host shows no key. Host key verification failed.").into());
        };
        let Some((kind, short)) = names(kind) else {
            return Err(Refusal::OpenSsh("the host shows a kind of key that libssh2 does not know".into()));
        };
        let (host, port) = identity(plan);
        let fingerprint = format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)));
        let verdict = self.hosts.check(host, port, kind, key);
        if let Verdict::Unknown { .. } = verdict
            && plan.policy == HostKeyPolicy::AcceptNew
        {
            let Some(file) = plan.user_known_hosts.first() else { return Ok(()) };
            return append(file, host, port, kind, key, plan.hash_known_hosts).map_err(|error| {
                let why = format!("cannot add the host's key to {}: {error}", file.display());
                unreachable(&why).into()
            });
        }
        let file = plan
            .user_known_hosts
            .first()
            .map_or("~/.ssh/known_hosts".into(), |file| file.display().to_string());
        let name = name_of(host, port);
        let why = match verdict {
            Verdict::Known => return Ok(()),
            Verdict::Unknown { others } => {
                let others = if others.is_empty() {
                    String::new()
                } else {
                    format!(" (known are keys of the types {})", others.join(", "))
                };
                format!(
                    "No {short} host key is known for {name} and you have requested strict checking.{others}\r\n\
                     Host key verification failed.\r\nThe host shows {fingerprint}. If its owner confirms that this \
                     is its key, add it: ssh-keyscan -t {} -p {port} {} >> {file}",
                    short.to_ascii_lowercase(),
                    plan.host,
                )
            }
            Verdict::Changed { file, line } => format!(
                "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!\r\nThe {short} host key for {name} is {fingerprint}, \
                 not the one in {}:{line}: somebody may be eavesdropping, or the host was installed anew.\r\n\
                 Host key verification failed.\r\nIf its owner confirms the change, remove the old key: \
                 ssh-keygen -f '{}' -R '{name}'",
                file.display(),
                file.display(),
            ),
            Verdict::Revoked { file, line } => format!(
                "WARNING: REVOKED HOST KEY DETECTED!\r\nThe {short} host key for {name} ({fingerprint}) is marked as \
                 revoked in {}:{line}.\r\nHost key verification failed.",
                file.display()
            ),
        };
        Err(unreachable(&why).into())
    }
}

/// The name and port under which a host is known.
fn identity(plan: &Plan) -> (&str, u16) {
    match &plan.key_alias {
        Some(alias) => (alias, 22),
        None => (&plan.host, plan.port),
    }
}

/// The type as known_hosts has it, and as OpenSSH's messages do.
fn names(kind: HostKeyType) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        HostKeyType::Ed25519 => ("ssh-ed25519", "ED25519"),
        HostKeyType::Ecdsa256 => ("ecdsa-sha2-nistp256", "ECDSA"),
        HostKeyType::Ecdsa384 => ("ecdsa-sha2-nistp384", "ECDSA"),
        HostKeyType::Ecdsa521 => ("ecdsa-sha2-nistp521", "ECDSA"),
        HostKeyType::Rsa => ("ssh-rsa", "RSA"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_types_come_first() {
        assert!(algorithms(&[]).starts_with("ssh-ed25519,"));
        let known = algorithms(&["ssh-rsa".into()]);
        assert!(known.starts_with("rsa-sha2-512,rsa-sha2-256,ssh-ed25519,"), "{known}");
        let known = algorithms(&["ecdsa-sha2-nistp384".into(), "ssh-dss".into()]);
        assert!(known.starts_with("ecdsa-sha2-nistp384,ssh-ed25519,"), "{known}");
    }
}
