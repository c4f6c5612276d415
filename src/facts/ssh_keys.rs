//! The host's public SSH keys.

use super::Facts;
use super::read::text;

pub fn facts() -> Facts {
    let mut facts = Facts::new();
    for directory in ["/etc/ssh", "/etc/openssh", "/etc"] {
        let mut found = false;
        for kind in ["dsa", "rsa", "ecdsa", "ed25519"] {
            let file = text(format!("{directory}/ssh_host_{kind}_key.pub")).unwrap_or_default();
            let mut words = file.split_whitespace();
            if let (Some(algorithm), Some(key)) = (words.next(), words.next()) {
                found = true;
                facts.set(&format!("ssh_host_key_{kind}_public"), key);
                facts.set(&format!("ssh_host_key_{kind}_public_keytype"), algorithm);
            }
        }
        if found {
            break;
        }
    }
    facts
}
