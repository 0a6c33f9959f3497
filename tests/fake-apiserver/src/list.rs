//! Lists and single objects, with the rules about versions and pages.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    object::{Key, Object},
    request::Query,
    resources::Resource,
    selector::Selectors,
    status::{self, Failure},
    store::{Objects, Store, TooOld},
    view::{Page, View},
};

/// Answers a list.
pub(super) fn list(
    store: &Store,
    view: &View,
    query: &Query,
    selectors: &Selectors,
) -> Result<String, Failure> {
    check(query)?;
    let (version, objects, after) = objects_of(store, view.resource, query)?;
    let matching: Vec<(&Key, &Arc<Object>)> = objects
        .iter()
        .filter(|(key, object)| {
            after.as_ref().is_none_or(|after| *key > after) && selectors.accept(object)
        })
        .collect();
    // The watch cache, which answers for version 0, knows no pages.
    let limit = match query.limit {
        0 => matching.len(),
        _ if query.version.as_deref() == Some("0") => matching.len(),
        limit => limit.min(matching.len()),
    };
    let (shown, rest) = matching.split_at(limit);
    let last = shown.last().filter(|_| !rest.is_empty());
    let page = Page {
        version,
        token: last.map(|(key, _)| token(i64::try_from(version).unwrap_or(-1), key)),
        remaining: (!rest.is_empty() && selectors.is_empty()).then_some(rest.len()),
    };
    Ok(view.list(shown.iter().map(|(_, object)| &***object), &page))
}

/// Answers a get.
pub(super) fn get(
    store: &Store,
    view: &View,
    namespace: Option<&str>,
    name: &str,
) -> Result<String, Failure> {
    let key = Key {
        namespace: namespace.unwrap_or_default().to_owned(),
        name: name.to_owned(),
    };
    let object = store.get(view.resource, &key);
    let object = object.ok_or_else(|| status::not_found(view.resource, name))?;
    Ok(view.object(object))
}

/// The version of the list, the objects, and the one after which the page starts:
/// 1. a page goes on at the version of the first one; with a token that was given out because
///    this version is gone, at today's;
/// 2. `Exact`, and a page with a version and no rule about it, is that version;
/// 3. a version that is not there yet is refused, after the real one has waited for it in vain;
/// 4. else it is today's.
fn objects_of(
    store: &Store,
    resource: &Resource,
    query: &Query,
) -> Result<(u64, Objects, Option<Key>), Failure> {
    let (today, current) = (store.version(), store.objects(resource));
    if let Some(token) = &query.token {
        let (version, after) = read_token(token)?;
        let Ok(version) = u64::try_from(version) else {
            return Ok((today, current, Some(after)));
        };
        return match store.objects_at(resource, version) {
            Ok(objects) => Ok((version, objects, Some(after))),
            Err(TooOld { .. }) => Err(status::continue_expired(&self::token(-1, &after))),
        };
    }
    let wanted = query
        .version_number()
        .map_err(|message| status::bad_request(&message))?;
    if wanted > today {
        return Err(status::too_large_version(wanted, today));
    }
    let exact = match query.version_match.as_deref() {
        Some(rule) => rule == "Exact",
        None => query.limit > 0 && wanted > 0,
    };
    if !exact {
        return Ok((today, current, None));
    }
    match store.objects_at(resource, wanted) {
        Ok(objects) => Ok((wanted, objects, None)),
        Err(TooOld { .. }) => Err(status::expired(
            "The resourceVersion for the provided list is too old.",
        )),
    }
}

/// Which options go together.
fn check(query: &Query) -> Result<(), Failure> {
    let rule = query.version_match.as_deref();
    if query.initial_events.is_some() {
        let message = "sendInitialEvents is forbidden for list";
        return Err(status::invalid_options("sendInitialEvents", message));
    }
    let message = match (rule, query.version.as_deref()) {
        (None, _) => return Ok(()),
        (Some(_), None) => "resourceVersionMatch is forbidden unless resourceVersion is provided",
        (Some(_), _) if query.token.is_some() => {
            "resourceVersionMatch is forbidden when continue is provided"
        }
        (Some("Exact"), Some("0")) => {
            "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""
        }
        (Some("Exact" | "NotOlderThan"), _) => return Ok(()),
        (Some(_), _) => "resourceVersionMatch is neither Exact nor NotOlderThan",
    };
    Err(status::invalid_options("resourceVersionMatch", message))
}

/// Clients must not look inside; ours looks like the real one anyway.
fn token(version: i64, last: &Key) -> String {
    let start = format!("{}/{}\0", last.namespace, last.name);
    let token = json!({"v": "meta.k8s.io/v1", "rv": version, "start": start});
    BASE64_URL_SAFE_NO_PAD.encode(token.to_string())
}

fn read_token(token: &str) -> Result<(i64, Key), Failure> {
    decoded(token).ok_or_else(|| {
        status::bad_request("continue key is not valid: the token is none of this server's")
    })
}

fn decoded(token: &str) -> Option<(i64, Key)> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    let token: Value = serde_json::from_slice(&bytes).ok()?;
    let (namespace, name) = token["start"]
        .as_str()?
        .strip_suffix('\0')?
        .split_once('/')?;
    let key = Key {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    Some((token["rv"].as_i64()?, key))
}
