//! Facts that are no variables: a host must not say how it is reached, nor as whom.

/// What says how hosts are reached, without `ansible_`.
const NAMES: &[&str] = &[
    "become",
    "connection",
    "connection_user",
    "docker_extra_args",
    "facts",
    "host",
    "host_key_checking",
    "module_compression",
    "network_os",
    "password",
    "pipelining",
    "port",
    "private_key_file",
    "private_key_passphrase",
    "scp_extra_args",
    "sftp_extra_args",
    "shell_executable",
    "shell_type",
    "sshpass_prompt",
    "timeout",
    "user",
];

/// The options of ways to reach hosts begin so, without `ansible_`.
const PREFIXES: &[&str] = &["become_", "local_", "paramiko_ssh_", "psrp_", "ssh_", "winrm_"];

/// What begins like an option, but is a fact that `setup` gathers.
const HOST_KEYS: &str = "ssh_host_key_";

/// Whether a fact of that name stays in `ansible_facts`, and does not become a variable.
pub fn is_restricted(name: &str) -> bool {
    let Some(name) = name.strip_prefix("ansible_") else { return false };
    NAMES.contains(&name)
        || name.ends_with("_interpreter")
        || !name.starts_with(HOST_KEYS) && PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_do_not_say_how_they_are_reached() {
        // What ansible-core 2.19 left out, and what it took, of a module that gave all of these.
        let out = "ansible_connection ansible_host ansible_port ansible_user ansible_password ansible_ssh_host \
            ansible_ssh_port ansible_ssh_user ansible_ssh_pass ansible_ssh_private_key_file \
            ansible_private_key_file ansible_ssh_common_args ansible_ssh_extra_args ansible_ssh_executable \
            ansible_ssh_foo ansible_become ansible_become_user ansible_become_method ansible_become_pass \
            ansible_become_foo ansible_python_interpreter ansible_foo_interpreter ansible_shell_type \
            ansible_shell_executable ansible_timeout ansible_pipelining ansible_winrm_foo ansible_local_foo \
            ansible_psrp_foo ansible_network_os ansible_facts ansible_module_compression \
            ansible_paramiko_ssh_x ansible_scp_extra_args ansible_sftp_extra_args ansible_docker_extra_args \
            ansible_connection_user";
        let taken = "ansible_local ansible_os_family ansible_env ansible_ssh_host_key_rsa_public \
            ansible_sudo_foo ansible_su_foo ansible_remote_tmp ansible_async_dir ansible_shell_foo \
            ansible_docker_foo ansible_paramiko_foo ansible_executable ansible_interpreter plain \
            x_interpreter ansible_becomex ansible_sshx ansible_localhost ansible_transport";
        for name in out.split_whitespace() {
            assert!(is_restricted(name), "{name}");
        }
        for name in taken.split_whitespace() {
            assert!(!is_restricted(name), "{name}");
        }
    }
}
