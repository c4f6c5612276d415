//! Filters of lists.

use super::select::{Attribute, fold_case};
use crate::template::eval::{Call, charge, check_stack};
use crate::template::object::{
    Arith, Missing, Res, V, arith, compare, failed, join_text, key_of, sort_values, text,
};
use crate::template::random::Random;
use std::sync::Arc;

pub fn length(c: &mut Call) -> Res<V> {
    c.value
        .len()
        .map(V::from)
        .ok_or_else(|| failed(format!("object of type '{}' has no len()", c.value.type_name())))
}

fn attribute_of(c: &Call, index: usize) -> Res<Option<Attribute>> {
    c.given(index).map(Attribute::new).transpose()
}

pub fn join(c: &mut Call) -> Res<V> {
    let separator = c.get(0).map_or(Ok(String::new()), text)?;
    let mut items = c.value.items()?;
    if let Some(attribute) = attribute_of(c, 1)? {
        items = items.iter().map(|item| attribute.get(item)).collect::<Res<_>>()?;
    }
    Ok(V::from(join_text(&items, &separator)?))
}

fn none(hint: &str) -> V {
    V::Missing(Arc::new(Missing::hint(hint)))
}

pub fn first(c: &mut Call) -> Res<V> {
    if let V::List(list) = &c.value {
        return list.get(0).unwrap_or_else(|| Ok(none("No first item, sequence was empty.")));
    }
    Ok(c.value.items()?.into_iter().next().unwrap_or_else(|| none("No first item, sequence was empty.")))
}

pub fn last(c: &mut Call) -> Res<V> {
    if let V::List(list) = &c.value {
        let at = list.len().wrapping_sub(1);
        return list.get(at).unwrap_or_else(|| Ok(none("No last item, sequence was empty.")));
    }
    Ok(c.value.items()?.into_iter().next_back().unwrap_or_else(|| none("No last item, sequence was empty.")))
}

/// All items, which must be there.
pub fn list(c: &mut Call) -> Res<V> {
    whole(&c.value).map(V::list)
}

pub fn reverse(c: &mut Call) -> Res<V> {
    if let V::Str(s) = &c.value {
        return Ok(V::from(s.chars().rev().collect::<String>()));
    }
    let mut items = c.value.items().map_err(|_| failed("argument must be iterable"))?;
    items.iter().try_for_each(V::check)?;
    items.reverse();
    Ok(V::list(items))
}

/// Items with the keys to order them by.
fn keyed(items: Vec<V>, attributes: &[Attribute], case_sensitive: bool) -> Res<Vec<(V, V)>> {
    items
        .into_iter()
        .map(|item| {
            let keys: Vec<V> = if attributes.is_empty() {
                vec![item.clone()]
            } else {
                attributes.iter().map(|attribute| attribute.get(&item)?.need()).collect::<Res<_>>()?
            };
            let mut keys: Vec<V> =
                keys.into_iter().map(|key| if case_sensitive { key } else { fold_case(key) }).collect();
            let key = if keys.len() == 1 { keys.remove(0) } else { V::list(keys) };
            Ok((key, item))
        })
        .collect()
}

pub fn sort(c: &mut Call) -> Res<V> {
    let attributes = match c.given(2) {
        None => Vec::new(),
        Some(V::Str(names)) => {
            names.split(',').map(|name| Attribute::new(&V::str(name))).collect::<Res<_>>()?
        }
        Some(other) => vec![Attribute::new(other)?],
    };
    let mut items = keyed(c.value.items()?, &attributes, c.flag(1)?)?;
    let reverse = c.flag(0)?;
    if reverse {
        // Python keeps the order of equal items when it sorts in reverse.
        items.reverse();
    }
    sort_values(&mut items, |(key, _)| key)?;
    if reverse {
        items.reverse();
    }
    Ok(V::list(items.into_iter().map(|(_, item)| item).collect()))
}

pub fn extreme(c: &mut Call, greatest: bool) -> Res<V> {
    let attributes: Vec<Attribute> = attribute_of(c, 1)?.into_iter().collect();
    let items = keyed(c.value.items()?, &attributes, c.flag(0)?)?;
    let mut best: Option<(V, V)> = None;
    for (key, item) in items {
        let better = match &best {
            None => true,
            Some((known, _)) => {
                let order = compare(&key, known, if greatest { ">" } else { "<" })?;
                order == Some(if greatest { std::cmp::Ordering::Greater } else { std::cmp::Ordering::Less })
            }
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map_or_else(|| none("No aggregated item, sequence was empty."), |(_, item)| item))
}

pub fn sum(c: &mut Call) -> Res<V> {
    let attribute = attribute_of(c, 0)?;
    let mut total = c.get(1).cloned().unwrap_or(V::Int(0));
    for item in c.value.items()? {
        let item = match &attribute {
            Some(attribute) => attribute.get(&item)?,
            None => item,
        };
        total = arith(Arith::Add, &total, &item)?;
    }
    Ok(total)
}

pub fn batch(c: &mut Call) -> Res<V> {
    let size = usize::try_from(c.int_or(0, 1)?).unwrap_or(0).max(1);
    let fill = c.given(1).cloned();
    let mut rows: Vec<Vec<V>> = whole(&c.value)?.chunks(size).map(<[V]>::to_vec).collect();
    if let (Some(fill), Some(row)) = (fill, rows.last_mut()) {
        charge(size.saturating_mul(size_of::<V>()))?;
        row.resize(size, fill);
    }
    Ok(V::list(rows.into_iter().map(V::list).collect()))
}

pub fn slice(c: &mut Call) -> Res<V> {
    let slices = usize::try_from(c.int_or(0, 1)?).unwrap_or(0).max(1);
    let fill = c.given(1).cloned();
    let items = whole(&c.value)?;
    let (size, extra) = (items.len() / slices, items.len() % slices);
    charge(slices.saturating_mul(4 * size_of::<V>()))?;
    let mut out = Vec::with_capacity(slices);
    let mut at = 0;
    for number in 0..slices {
        let end = at + size + usize::from(number < extra);
        let mut row = items[at..end].to_vec();
        if let Some(fill) = &fill
            && number >= extra
        {
            row.push(fill.clone());
        }
        out.push(V::list(row));
        at = end;
    }
    Ok(V::list(out))
}

pub fn groupby(c: &mut Call) -> Res<V> {
    let mut attribute = Attribute::new(c.need(0)?)?;
    attribute.default = c.get(1).cloned();
    let mut items = keyed(c.value.items()?, &[attribute.clone()], c.flag(2)?)?;
    sort_values(&mut items, |(key, _)| key)?;
    let mut groups: Vec<(V, V, Vec<V>)> = Vec::new();
    for (key, item) in items {
        match groups.last_mut() {
            Some((known, _, members)) if crate::template::object::equal(known, &key)? => members.push(item),
            // The group is named after its first item, in that one's case.
            _ => {
                let name = attribute.get(&item)?;
                groups.push((key, name, vec![item]));
            }
        }
    }
    Ok(V::list(
        groups
            .into_iter()
            .map(|(_, name, members)| V::object(Group { name, members: V::list(members) }))
            .collect(),
    ))
}

/// What `groupby` yields: a pair whose halves have names.
struct Group {
    name: V,
    members: V,
}

impl crate::template::object::Object for Group {
    fn type_name(&self) -> &str {
        "GroupTuple"
    }

    fn get(&self, name: &str) -> Option<V> {
        match name {
            "grouper" => Some(self.name.clone()),
            "list" => Some(self.members.clone()),
            _ => None,
        }
    }

    fn items(&self) -> Option<Res<Vec<V>>> {
        Some(Ok(vec![self.name.clone(), self.members.clone()]))
    }

    fn len(&self) -> Option<usize> {
        Some(2)
    }

    fn text(&self) -> String {
        let pair = V::tuple(vec![self.name.clone(), self.members.clone()]);
        text(&pair).unwrap_or_default()
    }

    fn to_value(&self) -> Res<crate::value::Value> {
        V::tuple(vec![self.name.clone(), self.members.clone()]).to_value()
    }
}

pub fn flatten(c: &mut Call) -> Res<V> {
    let levels = match c.given(0) {
        Some(_) => c.int_or(0, 0)?,
        None => i64::MAX,
    };
    let skip_nulls = c.flag_or(1, true)?;
    fn add(items: Vec<V>, levels: i64, skip_nulls: bool, out: &mut Vec<V>) -> Res<()> {
        check_stack()?;
        charge(items.len().saturating_mul(size_of::<V>()))?;
        for item in items {
            if skip_nulls {
                item.check()?;
            }
            let null =
                matches!(&item, V::None) || item.as_str().is_some_and(|text| matches!(text, "None" | "null"));
            if null && skip_nulls {
                continue;
            }
            if item.is_sequence() {
                if levels >= 1 {
                    add(item.items()?, levels - 1, skip_nulls, out)?;
                } else {
                    out.push(item);
                }
            } else {
                out.push(item);
            }
        }
        Ok(())
    }
    let mut out = Vec::new();
    add(c.value.items()?, levels, skip_nulls, &mut out)?;
    Ok(V::list(out))
}

fn named(c: &Call, name: &str) -> Option<V> {
    c.named.iter().find(|(known, _)| &**known == name).map(|(_, value)| value.clone())
}

/// All items, none of which is missing.
fn whole(value: &V) -> Res<Vec<V>> {
    let items = value.items()?;
    items.iter().try_for_each(V::check)?;
    Ok(items)
}

fn columns(c: &Call) -> Res<Vec<Vec<V>>> {
    std::iter::once(&c.value).chain(&c.more).map(whole).collect()
}

pub fn zip(c: &mut Call) -> Res<V> {
    let columns: Vec<Vec<V>> = std::iter::once(&c.value).chain(&c.more).map(V::items).collect::<Res<_>>()?;
    let mut rows = Vec::new();
    loop {
        let mut row = Vec::new();
        for column in &columns {
            // Behind the end of the shortest nobody looks.
            let Some(item) = column.get(rows.len()) else { return Ok(V::list(rows)) };
            row.push(item.clone().need()?);
        }
        rows.push(V::tuple(row));
    }
}

pub fn zip_longest(c: &mut Call) -> Res<V> {
    let fill = named(c, "fillvalue").unwrap_or(V::None);
    let columns = columns(c)?;
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |column: &Vec<V>, i: usize| column.get(i).cloned().unwrap_or_else(|| fill.clone());
    Ok(V::list((0..rows).map(|i| V::tuple(columns.iter().map(|column| cell(column, i)).collect())).collect()))
}

const MOST_ROWS: usize = 300_000;

pub fn product(c: &mut Call) -> Res<V> {
    let repeat = match named(c, "repeat") {
        Some(value) => usize::try_from(value.as_i64().unwrap_or(1)).unwrap_or(0),
        None => 1,
    };
    let columns = columns(c)?;
    let mut rows: Vec<Vec<V>> = vec![Vec::new()];
    for column in columns.iter().cycle().take(columns.len() * repeat) {
        if rows.len() * column.len() > MOST_ROWS || repeat > 1000 {
            return Err(failed("the product is too large"));
        }
        rows = rows
            .iter()
            .flat_map(|row| column.iter().map(|item| row.iter().cloned().chain([item.clone()]).collect()))
            .collect();
    }
    Ok(V::list(rows.into_iter().map(V::tuple).collect()))
}

pub fn combinations(c: &mut Call) -> Res<V> {
    let items = whole(&c.value)?;
    let size = usize::try_from(c.int_or(0, 0)?).map_err(|_| failed("r must be non-negative"))?;
    let mut out = Vec::new();
    fn go(items: &[V], from: usize, size: usize, row: &mut Vec<V>, out: &mut Vec<V>) -> Res<()> {
        if row.len() == size {
            out.push(V::tuple(row.clone()));
            return if out.len() > MOST_ROWS { Err(failed("too many combinations")) } else { Ok(()) };
        }
        // Fewer items than are still wanted make no row.
        let wanted = size - row.len();
        for i in from..(items.len() + 1).saturating_sub(wanted) {
            row.push(items[i].clone());
            go(items, i + 1, size, row, out)?;
            row.pop();
        }
        Ok(())
    }
    go(&items, 0, size, &mut Vec::new(), &mut out)?;
    Ok(V::list(out))
}

pub fn permutations(c: &mut Call) -> Res<V> {
    let items = whole(&c.value)?;
    let size = match c.given(0) {
        Some(_) => usize::try_from(c.int_or(0, 0)?).map_err(|_| failed("r must be non-negative"))?,
        None => items.len(),
    };
    let mut out = Vec::new();
    fn go(items: &[V], size: usize, used: &mut Vec<usize>, out: &mut Vec<V>) -> Res<()> {
        if used.len() == size {
            out.push(V::tuple(used.iter().map(|i| items[*i].clone()).collect()));
            return if out.len() > MOST_ROWS { Err(failed("too many permutations")) } else { Ok(()) };
        }
        for i in 0..items.len() {
            if !used.contains(&i) {
                used.push(i);
                go(items, size, used, out)?;
                used.pop();
            }
        }
        Ok(())
    }
    if size <= items.len() {
        go(&items, size, &mut Vec::new(), &mut out)?;
    }
    Ok(V::list(out))
}

pub fn shuffle(c: &mut Call) -> Res<V> {
    let Ok(mut items) = c.value.items() else { return Ok(c.value.clone()) };
    Random::new(c.given(0))?.shuffle(&mut items);
    Ok(V::list(items))
}

pub fn random(c: &mut Call) -> Res<V> {
    // `n | random(start, step)` or `list | random(seed=…)`: the value is the end.
    let mut random = Random::new(c.given(2))?;
    if let Some(end) = c.value.as_i64() {
        let (start, step) = (c.int_or(0, 0)?, c.int_or(1, 1)?.max(1));
        if end <= start {
            return Err(failed(format!("empty range for randrange() ({start}, {end}, {})", end - start)));
        }
        let count = (end - start + step - 1) / step;
        return Ok(V::Int(start + step * random.below(count as u64) as i64));
    }
    let items = c.value.items().map_err(|_| failed("random can only be used on sequences and integers"))?;
    if c.given(0).is_some() || c.given(1).is_some() {
        return Err(failed("start and step can only be used with integer values"));
    }
    if items.is_empty() {
        return Ok(none("No random item, sequence was empty."));
    }
    let at = random.index(items.len());
    // Python asks a mapping for this number, too, as a key.
    if let V::Dict(dict) = &c.value {
        return dict.get(&crate::value::Value::Int(at as i64)).unwrap_or_else(|| Err(failed(at.to_string())));
    }
    Ok(items[at].clone())
}

/// Keys of items, for filters that compare whole values.
pub fn hashable(value: &V) -> Res<crate::value::Value> {
    key_of(value).or_else(|_| value.to_value())
}
