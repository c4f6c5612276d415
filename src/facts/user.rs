//! Who the tasks run as.

use super::{Facts, Sources};
use crate::modules::kit::users;

pub fn facts(sources: &Sources) -> Facts {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    let mut facts = Facts::new();
    let uid = getuid().as_raw();
    match users::user_by_id(sources.probe, uid) {
        Some(user) => {
            facts.set("user_id", user.name);
            facts.set("user_uid", user.uid);
            facts.set("user_gid", user.gid);
            facts.set("user_gecos", user.gecos);
            facts.set("user_dir", user.home);
            facts.set("user_shell", user.shell);
        }
        None => facts.set("user_uid", uid),
    }
    facts.set("real_user_id", uid);
    facts.set("effective_user_id", geteuid().as_raw());
    facts.set("real_group_id", getgid().as_raw());
    facts.set("effective_group_id", getegid().as_raw());
    facts
}
