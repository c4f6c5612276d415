//! Whether services may start while packages are installed.

use crate::modules::kit::Failure;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// `/usr/sbin/policy-rc.d` as long as this lives; what was there before comes back.
pub(super) struct PolicyRcD {
    saved: Option<PathBuf>,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl PolicyRcD {
    pub(super) fn set(status: i64) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("Fail to create {POLICY}: {error}"));
        let mut saved = None;
        if Path::new(POLICY).exists() {
            let place = PathBuf::from(format!("{POLICY}.ekumen-{}", std::process::id()));
            std::fs::rename(POLICY, &place).map_err(failed)?;
            saved = Some(place);
        }
        let policy = Self { saved };
        std::fs::write(POLICY, format!("#!/bin/sh\nexit {status}\n")).map_err(failed)?;
        std::fs::set_permissions(POLICY, std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
        Ok(policy)
    }
}

impl Drop for PolicyRcD {
    fn drop(&mut self) {
        // There is nobody left to tell if this fails.
        drop(match &self.saved {
            Some(place) => std::fs::rename(place, POLICY),
            None => std::fs::remove_file(POLICY),
        });
    }
}
