//! Values on top of values, as Helm has them (`mergeMaps` of its `pkg/cli/values`): fields one by one,
//! everything else as a whole.

use serde_json::{Map, Value};

/// Puts values on top of others. `null` takes away what is below it.
pub(super) fn over(below: &mut Map<String, Value>, own: &Map<String, Value>) {
    for (name, value) in own {
        match (below.get_mut(name), value) {
            (Some(Value::Object(below)), Value::Object(own)) => over(below, own),
            (_, Value::Null) => drop(below.remove(name)),
            (_, value) => drop(below.insert(name.clone(), value.clone())),
        }
    }
}

/// What stands at a path.
pub(super) fn at<'v>(values: &'v Map<String, Value>, path: &[&str]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(values.get(*first)?, |value, name| value.get(name))
}

/// Sets what stands at a path, unless something does.
pub(super) fn set_default(values: &mut Map<String, Value>, path: &[&str], value: Value) {
    if at(values, path).is_some_and(|known| !known.is_null() && known != "") {
        return;
    }
    let mut own = Map::new();
    if let Some((last, parents)) = path.split_last() {
        own.insert((*last).to_owned(), value);
        for name in parents.iter().rev() {
            own = Map::from_iter([((*name).to_owned(), Value::Object(own))]);
        }
    }
    over(values, &own);
}
