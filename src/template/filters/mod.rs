//! Filters (`x | name`): one table, one line per filter.

mod certificates;
mod dates;
mod devices;
mod durations;
mod facts;
mod general;
mod hashes;
mod hashids;
mod html;
mod internals;
mod json_errors;
mod json_patch;
mod keys;
mod lists;
mod maps;
pub(super) mod network;
mod numbers;
pub(super) mod password;
mod paths;
mod patterns;
mod pretty_table;
mod query;
mod select;
mod serial;
mod sets;
mod structures;
mod tables;
mod texts;
mod urls;
mod validate;
mod vaults;
mod vlans;
mod xml;

pub use dates::TimeDelta;
pub use dates::now;
pub use general::type_of;
pub use json_errors::explain as explain_json;
pub use password::{Recipe, hash_password, random_password};
pub use paths::normal as normal_path;
pub use serial::load_yaml;
pub use validate::{test as validate_test, validate};

use super::eval::{Call, Params};
use super::object::{Res, V};
use network::ipaddr::Version;
use network::{hardware, ipaddr, subnets};
use std::collections::HashMap;
use std::sync::OnceLock;

type Run = fn(&mut Call) -> Res<V>;

/// A filter: its names, parameters and function.
pub struct FilterDef {
    pub names: &'static [&'static str],
    pub params: Params,
    pub run: Run,
}

const fn filter(names: &'static [&'static str], params: &'static str, run: Run) -> FilterDef {
    FilterDef { names, params: Params(params), run }
}

#[rustfmt::skip]
static FILTERS: &[FilterDef] = &[
    // Jinja's.
    filter(&["default", "d"], "!default_value? boolean?", maps::default),
    filter(&["length", "count"], "", lists::length),
    filter(&["list"], "", lists::list),
    filter(&["string"], "", |c| c.input().map(V::from)),
    filter(&["int"], "default? base?", numbers::int),
    filter(&["float"], "default?", numbers::float),
    filter(&["abs"], "", numbers::abs),
    filter(&["round"], "precision? method?", numbers::round),
    filter(&["join"], "d? attribute?", lists::join),
    filter(&["first"], "", lists::first),
    filter(&["last"], "", lists::last),
    filter(&["reverse"], "", lists::reverse),
    filter(&["sort"], "reverse? case_sensitive? attribute?", lists::sort),
    filter(&["min"], "case_sensitive? attribute?", |c| lists::extreme(c, false)),
    filter(&["max"], "case_sensitive? attribute?", |c| lists::extreme(c, true)),
    filter(&["sum"], "attribute? start?", lists::sum),
    filter(&["batch"], "linecount fill_with?", lists::batch),
    filter(&["slice"], "slices fill_with?", lists::slice),
    filter(&["groupby"], "attribute default? case_sensitive?", lists::groupby),
    filter(&["map"], "* **", select::map),
    filter(&["select"], "* **", |c| select::select(c, true, false)),
    filter(&["reject"], "* **", |c| select::select(c, false, false)),
    filter(&["selectattr"], "* **", |c| select::select(c, true, true)),
    filter(&["rejectattr"], "* **", |c| select::select(c, false, true)),
    filter(&["attr"], "name", maps::attr),
    filter(&["items"], "", maps::items),
    filter(&["dictsort"], "case_sensitive? by? reverse?", maps::dictsort),
    filter(&["lower"], "", |c| Ok(V::from(c.input()?.to_lowercase()))),
    filter(&["upper"], "", |c| Ok(V::from(c.input()?.to_uppercase()))),
    filter(&["capitalize"], "", |c| Ok(V::from(super::object::capitalize(&c.input()?)))),
    filter(&["title"], "", texts::title),
    filter(&["trim"], "chars?", texts::trim),
    filter(&["replace"], "old new count?", texts::replace),
    filter(&["format"], "* **", texts::format),
    filter(&["indent"], "width? first? blank?", texts::indent),
    filter(&["truncate"], "length? killwords? end? leeway?", texts::truncate),
    filter(&["wordwrap"], "width? break_long_words? wrapstring? break_on_hyphens?", texts::wordwrap),
    filter(&["wordcount"], "", texts::wordcount),
    filter(&["center"], "width?", texts::center),
    filter(&["pprint"], "", |c| super::object::repr(&c.value).map(V::from)),
    filter(&["tojson"], "indent?", html::tojson),
    filter(&["escape", "e"], "", |c| Ok(V::from(html::escape(&c.input()?)))),
    filter(&["forceescape"], "", |c| Ok(V::from(html::escape(&c.input()?)))),
    filter(&["safe"], "", |c| c.input().map(V::from)),
    filter(&["striptags"], "", html::striptags),
    filter(&["xmlattr"], "autospace?", html::xmlattr),
    filter(&["urlize"], "trim_url_limit? nofollow? target? rel? extra_schemes?", html::urlize),
    filter(&["urlencode"], "", urls::urlencode),
    filter(&["filesizeformat"], "binary?", numbers::filesizeformat),
    // Ansible's.
    filter(&["bool"], "", maps::boolean),
    filter(&["ternary"], "!true_val false_val none_val?", maps::ternary),
    filter(&["mandatory"], "!msg?", maps::mandatory),
    filter(&["type_debug"], "!!", |c| Ok(V::str(c.value.type_name()))),
    filter(&["combine"], "* **", maps::combine),
    filter(&["dict2items"], "key_name? value_name?", maps::dict2items),
    filter(&["items2dict"], "key_name? value_name?", maps::items2dict),
    filter(&["rekey_on_member"], "key duplicates?", maps::rekey),
    filter(&["extract"], "container morekeys?", maps::extract),
    filter(&["subelements"], "subelements skip_missing?", maps::subelements),
    filter(&["flatten"], "levels? skip_nulls?", lists::flatten),
    filter(&["unique"], "case_sensitive? attribute?", sets::unique),
    filter(&["union"], "b", sets::union),
    filter(&["intersect"], "b", sets::intersect),
    filter(&["difference"], "b", sets::difference),
    filter(&["symmetric_difference"], "b", sets::symmetric_difference),
    filter(&["zip"], "* **", lists::zip),
    filter(&["zip_longest"], "* **", lists::zip_longest),
    filter(&["product"], "* **", lists::product),
    filter(&["combinations"], "size", lists::combinations),
    filter(&["permutations"], "size?", lists::permutations),
    filter(&["shuffle"], "seed?", lists::shuffle),
    filter(&["random"], "start? step? seed?", lists::random),
    filter(&["pow"], "y", numbers::pow),
    filter(&["log"], "base?", numbers::log),
    filter(&["root"], "base?", numbers::root),
    filter(&["human_readable"], "isbits? unit?", numbers::human_readable),
    filter(&["human_to_bytes"], "default_unit? isbits?", numbers::human_to_bytes),
    filter(&["split"], "split_value? maxsplit?", texts::split),
    filter(&["quote"], "", texts::quote),
    filter(&["comment"], "style? **", texts::comment),
    filter(&["regex_replace"], "pattern? replacement? ignorecase? multiline? count? mandatory_count?", patterns::replace),
    filter(&["regex_search"], "regex * **", patterns::search),
    filter(&["regex_findall"], "regex multiline? ignorecase?", patterns::findall),
    filter(&["regex_escape"], "re_type?", patterns::escape),
    filter(&["to_json"], "**", serial::to_json),
    filter(&["to_nice_json"], "indent? sort_keys? **", serial::to_nice_json),
    filter(&["from_json"], "**", serial::from_json),
    filter(&["to_yaml"], "default_flow_style? **", serial::to_yaml),
    filter(&["to_nice_yaml"], "indent? default_flow_style? **", serial::to_nice_yaml),
    filter(&["from_yaml"], "", serial::from_yaml),
    filter(&["from_yaml_all"], "", serial::from_yaml_all),
    filter(&["b64encode"], "encoding? urlsafe?", serial::b64encode),
    filter(&["b64decode"], "encoding? urlsafe?", serial::b64decode),
    filter(&["hash"], "hashtype?", hashes::hash),
    filter(&["md5"], "", |c| hashes::digest(c, "md5")),
    filter(&["sha1"], "", |c| hashes::digest(c, "sha1")),
    filter(&["checksum"], "", |c| hashes::digest(c, "sha1")),
    filter(&["to_uuid"], "namespace?", hashes::to_uuid),
    filter(&["password_hash"], "hashtype? salt? salt_size? rounds? ident?", password::password_hash),
    filter(&["vault"], "secret salt? vault_id? wrap_object? vaultid?", vaults::vault),
    filter(&["unvault"], "!!secret vault_id? vaultid?", vaults::unvault),
    filter(&["basename"], "", |c| Ok(V::from(paths::basename(&c.path()?)))),
    filter(&["dirname"], "", |c| Ok(V::from(paths::dirname(&c.path()?)))),
    filter(&["splitext"], "", paths::splitext),
    filter(&["expanduser"], "", paths::expanduser),
    filter(&["expandvars"], "", paths::expandvars),
    filter(&["realpath"], "", paths::realpath),
    filter(&["relpath"], "start?", paths::relpath),
    filter(&["normpath"], "", |c| Ok(V::from(paths::normal(&c.path()?)))),
    filter(&["path_join"], "", paths::path_join),
    filter(&["commonpath"], "", paths::commonpath),
    filter(&["fileglob"], "", paths::fileglob),
    filter(&["win_basename"], "", |c| Ok(V::str(paths::windows(&c.path()?).1))),
    filter(&["win_dirname"], "", paths::win_dirname),
    filter(&["win_splitdrive"], "", paths::win_splitdrive),
    filter(&["urlsplit"], "query? alias?", urls::urlsplit),
    filter(&["urldecode"], "", urls::urldecode),
    filter(&["strftime"], "second? utc?", dates::strftime_filter),
    filter(&["to_datetime"], "format?", dates::to_datetime),
    // Ansible's internal ones.
    filter(&["ansible._protomatter.apply_trust"], "", internals::apply_trust),
    filter(&["ansible._protomatter.finalize"], "", |c| V::from_value(&c.value.to_value()?)),
    filter(&["ansible._protomatter.origin"], "", internals::origin),
    filter(&["ansible._protomatter.python_literal_eval"], "ignore_errors?", internals::literal),
    // Of ansible.utils; those that ansible.netcommon had first keep its name.
    filter(&["ansible.utils.ipaddr", "ansible.netcommon.ipaddr", "ipaddr"], "query? version? alias?", |c| ipaddr::ipaddr(c, Version::Any)),
    filter(&["ansible.utils.ipv4", "ansible.netcommon.ipv4", "ipv4"], "query?", |c| ipaddr::ipaddr(c, Version::V4)),
    filter(&["ansible.utils.ipv6", "ansible.netcommon.ipv6", "ipv6"], "query?", |c| ipaddr::ipaddr(c, Version::V6)),
    filter(&["ansible.utils.ipwrap", "ansible.netcommon.ipwrap", "ipwrap"], "query?", ipaddr::ipwrap),
    filter(&["ansible.utils.ipsubnet", "ansible.netcommon.ipsubnet", "ipsubnet"], "query? index?", subnets::ipsubnet),
    filter(&["ansible.utils.ipmath", "ansible.netcommon.ipmath", "ipmath"], "amount", subnets::ipmath),
    filter(&["ansible.utils.nthhost", "ansible.netcommon.nthhost", "nthhost"], "query?", subnets::nthhost),
    filter(&["ansible.utils.next_nth_usable", "ansible.netcommon.next_nth_usable", "next_nth_usable"], "offset", |c| subnets::nth_usable(c, 1)),
    filter(&["ansible.utils.previous_nth_usable", "ansible.netcommon.previous_nth_usable", "previous_nth_usable"], "offset", |c| subnets::nth_usable(c, -1)),
    filter(&["ansible.utils.network_in_network", "ansible.netcommon.network_in_network", "network_in_network"], "test", |c| subnets::network_in(c, false)),
    filter(&["ansible.utils.network_in_usable", "ansible.netcommon.network_in_usable", "network_in_usable"], "test", |c| subnets::network_in(c, true)),
    filter(&["ansible.utils.reduce_on_network", "ansible.netcommon.reduce_on_network", "reduce_on_network"], "network", subnets::reduce_on_network),
    filter(&["ansible.utils.cidr_merge", "ansible.netcommon.cidr_merge", "cidr_merge"], "action?", subnets::cidr_merge),
    filter(&["ansible.utils.slaac", "ansible.netcommon.slaac", "slaac"], "query?", hardware::slaac),
    filter(&["ansible.utils.hwaddr", "ansible.netcommon.hwaddr", "hwaddr"], "query? alias?", hardware::hwaddr),
    filter(&["ansible.utils.macaddr", "ansible.netcommon.macaddr", "macaddr"], "query?", hardware::hwaddr),
    filter(&["ansible.utils.usable_range"], "", subnets::usable_range),
    filter(&["ansible.utils.ip4_hex", "ansible.netcommon.ip4_hex", "ip4_hex"], "delimiter?", subnets::ip4_hex),
    filter(&["ansible.utils.ipcut"], "amount", subnets::ipcut),
    filter(&["ansible.utils.ipv6form"], "format?", subnets::ipv6form),
    filter(&["ansible.utils.consolidate"], "fail_missing_match_key? fail_missing_match_value? fail_duplicate?", facts::consolidate),
    filter(&["ansible.utils.fact_diff"], "after plugin? common?", facts::fact_diff),
    filter(&["ansible.utils.keep_keys"], "target matching_parameter?", |c| keys::select_deep(c, true)),
    filter(&["ansible.utils.remove_keys"], "target matching_parameter?", |c| keys::select_deep(c, false)),
    filter(&["ansible.utils.replace_keys"], "target matching_parameter?", keys::replace_deep),
    filter(&["ansible.utils.get_path"], "path wantlist?", structures::get_path),
    filter(&["ansible.utils.to_paths"], "prepend? wantlist?", structures::to_paths),
    filter(&["ansible.utils.index_of"], "test value? key? fail_on_missing? wantlist?", structures::index_of),
    filter(&["ansible.utils.param_list_compare"], "target", structures::param_list_compare),
    filter(&["ansible.utils.from_xml"], "engine?", xml::from_xml),
    filter(&["ansible.utils.to_xml"], "engine? full_document? indent? indent_width?", xml::to_xml),
    filter(&["ansible.utils.validate"], "* **", validate::filter),
    // Of ansible.netcommon.
    filter(&["ansible.netcommon.pop_ace"], "filter_options? match_criteria? *", devices::pop_ace),
    filter(&["ansible.netcommon.parse_cli", "parse_cli"], "tmpl?", devices::parse_cli),
    filter(&["ansible.netcommon.parse_cli_textfsm", "parse_cli_textfsm"], "template?", devices::parse_cli_textfsm),
    filter(&["ansible.netcommon.parse_xml", "parse_xml"], "tmpl?", devices::parse_xml),
    filter(&["ansible.netcommon.vlan_parser", "vlan_parser"], "first_line_len? other_line_len?", vlans::vlan_parser),
    filter(&["ansible.netcommon.vlan_expander"], "", vlans::vlan_expander),
    filter(&["ansible.netcommon.hash_salt", "hash_salt"], "", vlans::hash_salt),
    filter(&["ansible.netcommon.type5_pw", "type5_pw"], "salt?", vlans::type5_pw),
    filter(&["ansible.netcommon.comp_type5", "comp_type5"], "encrypted_password return_original?", vlans::comp_type5),
    // Of community.crypto.
    filter(&["community.crypto.parse_serial"], "", certificates::parse_serial),
    filter(&["community.crypto.split_pem"], "", certificates::split_pem),
    filter(&["community.crypto.to_serial"], "", certificates::to_serial),
    filter(&["community.crypto.x509_certificate_info"], "name_encoding?", certificates::x509_certificate_info),
    // Of community.general.
    filter(&["community.general.json_query", "json_query"], "expr", query::json_query),
    filter(&["community.general.accumulate"], "", general::accumulate),
    filter(&["community.general.counter"], "", general::counter),
    filter(&["community.general.crc32"], "", general::crc32),
    filter(&["community.general.dict"], "", general::dict),
    filter(&["community.general.dict_kv"], "key", general::dict_kv),
    filter(&["community.general.from_csv"], "dialect? fieldnames? delimiter? skipinitialspace? strict?", tables::from_csv),
    filter(&["community.general.from_ini"], "", tables::from_ini),
    filter(&["community.general.groupby_as_dict"], "attribute", general::groupby_as_dict),
    filter(&["community.general.hashids_decode"], "salt? alphabet? min_length?", hashids::decode),
    filter(&["community.general.hashids_encode"], "salt? alphabet? min_length?", hashids::encode),
    filter(&["community.general.json_diff"], "target", json_patch::json_diff),
    filter(&["community.general.json_patch"], "op path value? **", json_patch::json_patch),
    filter(&["community.general.json_patch_recipe"], "operations fail_test?", json_patch::json_patch_recipe),
    filter(&["community.general.keep_keys"], "target matching_parameter?", |c| keys::select(c, true)),
    filter(&["community.general.remove_keys"], "target matching_parameter?", |c| keys::select(c, false)),
    filter(&["community.general.replace_keys"], "target matching_parameter?", keys::replace),
    filter(&["community.general.lists_mergeby"], "* **", general::lists_mergeby),
    filter(&["community.general.lists_union"], "* **", |c| general::lists(c, sets::union_of)),
    filter(&["community.general.lists_intersect"], "* **", |c| general::lists(c, sets::intersection_of)),
    filter(&["community.general.lists_difference"], "* **", |c| general::lists(c, sets::difference_of)),
    filter(&["community.general.lists_symmetric_difference"], "* **", |c| general::lists(c, sets::symmetric_difference_of)),
    filter(&["community.general.random_mac", "random_mac"], "seed?", general::random_mac),
    filter(&["community.general.reveal_ansible_type"], "alias?", general::reveal_type),
    filter(&["community.general.to_ini"], "", general::to_ini),
    filter(&["community.general.to_prettytable"], "* **", pretty_table::to_prettytable),
    filter(&["community.general.to_time_unit"], "* **", |c| durations::to_unit(c, None)),
    filter(&["community.general.to_milliseconds"], "**", |c| durations::to_unit(c, Some("ms"))),
    filter(&["community.general.to_seconds"], "**", |c| durations::to_unit(c, Some("s"))),
    filter(&["community.general.to_minutes"], "**", |c| durations::to_unit(c, Some("m"))),
    filter(&["community.general.to_hours"], "**", |c| durations::to_unit(c, Some("h"))),
    filter(&["community.general.to_days"], "**", |c| durations::to_unit(c, Some("d"))),
    filter(&["community.general.to_weeks"], "**", |c| durations::to_unit(c, Some("w"))),
    filter(&["community.general.to_months"], "**", |c| durations::to_unit(c, Some("mo"))),
    filter(&["community.general.to_years"], "**", |c| durations::to_unit(c, Some("y"))),
    filter(&["community.general.to_yaml"], "default_flow_style? **", serial::to_yaml),
    filter(&["community.general.to_nice_yaml"], "indent? default_flow_style? **", serial::to_nice_yaml),
    filter(&["community.general.unicode_normalize"], "form?", texts::unicode_normalize),
    filter(&["community.general.version_sort"], "reverse?", general::version_sort),
];

/// A filter by its name, with or without `ansible.builtin.`.
pub fn find(name: &str) -> Option<&'static FilterDef> {
    static INDEX: OnceLock<HashMap<&'static str, &'static FilterDef>> = OnceLock::new();
    let index = INDEX
        .get_or_init(|| FILTERS.iter().flat_map(|def| def.names.iter().map(move |n| (*n, def))).collect());
    index.get(short_name(name)).copied()
}

/// The names of all filters, for guessing what was meant.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILTERS.iter().flat_map(|def| def.names.iter().copied())
}

/// Without the name of the collection that everything here belongs to.
pub fn short_name(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("ansible.legacy.")).unwrap_or(name)
}
