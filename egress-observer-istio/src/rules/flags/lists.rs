//! The lists of a command line.

use super::{error::FlagError, lookup::Lookup, words::Given};
use crate::rules::{
    backend::Backend,
    list::{ListError, elements},
    ports::Ports,
    ranges::Ranges,
    rule::RuleSetting,
    version::Version,
};

/// The lists of a command line, and where each of them comes from.
pub(super) struct Lists<'a> {
    pub(super) given: &'a Lookup<'a>,
    pub(super) version: Option<Version>,
    pub(super) backend: Backend,
    pub(super) origins: Vec<(RuleSetting, String)>,
    pub(super) notes: Vec<String>,
}

impl Lists<'_> {
    /// The text of a flag; where it comes from is noted.
    pub(super) fn value(
        &mut self,
        flag: &'static str,
        setting: RuleSetting,
    ) -> Result<Given, FlagError> {
        let given = self.given.value(flag)?;
        let origin = format!("{} {:?}", given.from, given.value);
        self.origins.push((setting, origin));
        Ok(given)
    }

    /// The list of ranges that a flag has.
    pub(super) fn ranges(
        &mut self,
        flag: &'static str,
        setting: RuleSetting,
    ) -> Result<Ranges, FlagError> {
        let Given { value, from } = self.value(flag, setting)?;
        let (ranges, ignored) = match Ranges::parse(&value, self.version) {
            Ok((ranges, _)) if setting == RuleSetting::Exclude && ranges.is_all() => {
                let source = ListError::Star;
                return Err(FlagError::List { from, source });
            }
            Ok(read) => read,
            Err(source) => return Err(FlagError::List { from, source }),
        };
        let ignored = ignored
            .iter()
            .map(|element| ignored_element(&from, element));
        self.notes.extend(ignored);
        Ok(ranges)
    }

    /// The list of ports that a flag has.
    pub(super) fn ports(
        &mut self,
        flag: &'static str,
        setting: RuleSetting,
    ) -> Result<Ports, FlagError> {
        let Given { value, from } = self.value(flag, setting)?;
        Ports::parse(&value, self.backend).map_err(|source| FlagError::List { from, source })
    }
}

/// Users or groups of a list; `None` for an empty text.
pub(super) fn ids(given: &Given) -> Result<Option<Vec<u32>>, FlagError> {
    let mut ids = Vec::new();
    for id in elements(&given.value) {
        let number = id.trim().parse();
        ids.push(number.map_err(|_not_a_number| FlagError::Value {
            from: given.from.clone(),
            value: id.to_owned(),
            expected: "a number",
        })?);
    }
    Ok((!ids.is_empty()).then_some(ids))
}

/// Why an element of a list counts for nothing.
fn ignored_element(from: &str, element: &str) -> String {
    format!("{from}: Istio ignores `{element}`: it is not in CIDR form, such as 10.0.0.0/8")
}
