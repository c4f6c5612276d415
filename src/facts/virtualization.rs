//! Whether this is a guest, and of what; whether it hosts guests, and with what.

use super::Facts;
use super::read::{line, names, text};
use crate::value::Value;
use std::path::Path;

/// What was found out about the host; everything else is derived from it.
#[derive(Debug, Default)]
struct Signs {
    /// `container=` in the environment of the first process.
    container: Option<String>,
    cgroups: String,
    docker_file: bool,
    podman_file: bool,
    xen: bool,
    xen_control: bool,
    product: String,
    vendor: String,
    bios: String,
    hypervisor_type: String,
    status: String,
    cpuinfo: String,
    modules: String,
    kvm_device: bool,
    openvz: Option<bool>,
}

pub fn facts() -> Facts {
    let exists = |path: &str| Path::new(path).exists();
    let dmi = |file: &str| line(format!("/sys/devices/virtual/dmi/id/{file}")).unwrap_or_default();
    let environment = text("/proc/1/environ").unwrap_or_default();
    let container = environment.split('\0').find_map(|v| v.strip_prefix("container=")).map(str::to_owned);
    let signs = Signs {
        container: container.or_else(|| line("/run/systemd/container")).filter(|name| !name.is_empty()),
        cgroups: text("/proc/1/cgroup").or_else(|| text("/proc/self/cgroup")).unwrap_or_default(),
        docker_file: exists("/.dockerenv") || exists("/.dockerinit"),
        podman_file: exists("/run/.containerenv"),
        xen: exists("/proc/xen") || line("/sys/hypervisor/type").as_deref() == Some("xen"),
        xen_control: text("/proc/xen/capabilities").is_some_and(|text| text.contains("control_d")),
        product: dmi("product_name"),
        vendor: dmi("sys_vendor"),
        bios: dmi("bios_vendor"),
        hypervisor_type: line("/sys/hypervisor/type").unwrap_or_default(),
        status: text("/proc/self/status").unwrap_or_default(),
        cpuinfo: text("/proc/cpuinfo").unwrap_or_default(),
        modules: names("/sys/module").join("\n"),
        kvm_device: exists("/dev/kvm"),
        openvz: exists("/proc/vz").then(|| !exists("/proc/lve") && !exists("/proc/bc")),
    };
    found(&signs)
}

fn found(signs: &Signs) -> Facts {
    let mut guests: Vec<&str> = Vec::new();
    let mut hosts: Vec<&str> = Vec::new();
    // The first finding is the type; the others are only listed.
    let mut kind: Option<(&str, &str)> = None;
    let mut see = |name: &'static str, role: &'static str, also: &[&'static str]| {
        let list = if role == "guest" { &mut guests } else { &mut hosts };
        list.extend([name].iter().chain(also).filter(|_| true));
        kind.get_or_insert((name, role));
    };

    let in_cgroups = |needles: &[&str]| needles.iter().any(|needle| signs.cgroups.contains(needle));
    if signs.docker_file || in_cgroups(&["/docker/", "/docker-", "/kubepods"]) {
        see("docker", "guest", &["container"]);
    }
    if in_cgroups(&["/lxc/", "/lxc.payload"]) {
        see("lxc", "guest", &["container"]);
    }
    match signs.container.as_deref() {
        Some("lxc") => see("lxc", "guest", &["container"]),
        Some("podman") => see("podman", "guest", &["container"]),
        Some("docker") => see("docker", "guest", &["container"]),
        // Ansible's word for a container that says no more.
        Some("systemd-nspawn") => see("systemd-nspawn", "guest", &["container"]),
        Some(_) => see("container", "guest", &[]),
        None if signs.podman_file => see("podman", "guest", &["container"]),
        None => {}
    }
    match signs.openvz {
        Some(true) => see("openvz", "guest", &[]),
        Some(false) => see("openvz", "host", &[]),
        None => {}
    }
    if signs.xen {
        if signs.xen_control {
            see("xen", "host", &[]);
        } else {
            see("xen", "guest", &[]);
        }
    }
    let product = signs.product.as_str();
    match product {
        "KVM" | "KVM Server" | "Bochs" | "AHV" => see("kvm", "guest", &[]),
        "RHEV Hypervisor" => see("RHEV", "guest", &["kvm"]),
        "oVirt Node" => see("oVirt", "guest", &["kvm"]),
        "OpenStack Nova" | "OpenStack Compute" => see("openstack", "guest", &[]),
        "VMware Virtual Platform" | "VMware7,1" | "VMware20,1" => see("VMware", "guest", &[]),
        "VirtualBox" => see("virtualbox", "guest", &[]),
        "Parallels Virtual Platform" | "Parallels ARM Virtual Machine" => see("parallels", "guest", &[]),
        "HVM domU" => see("xen", "guest", &[]),
        "Google Compute Engine" => see("kvm", "guest", &[]),
        _ => {}
    }
    match signs.bios.as_str() {
        "Xen" => see("xen", "guest", &[]),
        "innotek GmbH" => see("virtualbox", "guest", &[]),
        "Amazon EC2" | "DigitalOcean" | "Hetzner" => see("kvm", "guest", &[]),
        _ => {}
    }
    match signs.vendor.as_str() {
        "Microsoft Corporation" if product == "Virtual Machine" => see("VirtualPC", "guest", &[]),
        "Parallels Software International Inc." | "Parallels International GmbH." => {
            see("parallels", "guest", &[])
        }
        "QEMU" | "oVirt" | "Amazon EC2" | "DigitalOcean" | "Hetzner" | "Linode" | "Nutanix" | "Scaleway" => {
            see("kvm", "guest", &[]);
        }
        "OpenStack Foundation" => see("openstack", "guest", &[]),
        "KubeVirt" => see("KubeVirt", "guest", &[]),
        _ => {}
    }
    if signs.status.lines().any(|line| line.starts_with("VxID:") && line.trim_end() != "VxID:\t0") {
        see("linux_vserver", "guest", &[]);
    }
    let model = |needle: &str| {
        signs.cpuinfo.lines().any(|line| line.starts_with("model name") && line.contains(needle))
    };
    if model("QEMU Virtual CPU") || model("KVM") {
        see("kvm", "guest", &[]);
    }
    if signs.cpuinfo.contains("User Mode Linux") {
        see("uml", "guest", &[]);
    }
    if signs.cpuinfo.contains("IBM/S390") {
        see("PR/SM", "LPAR", &[]);
    }
    let has_module = |name: &str| signs.modules.lines().any(|module| module == name);
    if signs.kvm_device || has_module("kvm_intel") || has_module("kvm_amd") {
        see("kvm", "host", &[]);
    }
    if has_module("vboxdrv") {
        see("virtualbox", "host", &[]);
    }
    if has_module("virtio") && kind.is_none() {
        kind = Some(("kvm", "guest"));
        guests.push("kvm");
    }
    let _ = &signs.hypervisor_type;
    let (name, role) = kind.unwrap_or(("NA", "NA"));
    let mut facts = Facts::new();
    facts.set("virtualization_type", name);
    facts.set("virtualization_role", role);
    facts.set("virtualization_tech_guest", sorted(guests));
    facts.set("virtualization_tech_host", sorted(hosts));
    facts
}

fn sorted(mut names: Vec<&str>) -> Value {
    names.sort_unstable();
    names.dedup();
    Value::from(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(signs: &Signs) -> (String, String) {
        let facts = found(signs);
        let text = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        (text("virtualization_type"), text("virtualization_role"))
    }

    #[test]
    fn guests_and_hosts_are_told_apart() {
        let of = |name: &str, role: &str| (name.to_owned(), role.to_owned());
        assert_eq!(kind(&Signs::default()), of("NA", "NA"));
        assert_eq!(
            kind(&Signs { product: "KVM".into(), kvm_device: true, ..Signs::default() }),
            of("kvm", "guest")
        );
        assert_eq!(kind(&Signs { kvm_device: true, ..Signs::default() }), of("kvm", "host"));
        assert_eq!(kind(&Signs { container: Some("lxc".into()), ..Signs::default() }), of("lxc", "guest"));
        assert_eq!(
            kind(&Signs { docker_file: true, vendor: "QEMU".into(), ..Signs::default() }),
            of("docker", "guest")
        );
        assert_eq!(
            kind(&Signs {
                vendor: "Microsoft Corporation".into(),
                product: "Virtual Machine".into(),
                ..Signs::default()
            }),
            of("VirtualPC", "guest")
        );
    }
}
