//! Flags, and the environment variables that stand in for them (`pkg/flag/flag.go`).

use super::{
    boolean::parse_bool,
    context::FlagVariable,
    error::FlagError,
    table::{FLAGS, Flag, PROXY_PORT},
    words::Given,
};

/// Flags, and variables behind them.
pub(super) struct Lookup<'a> {
    pub(super) flags: Vec<(&'static Flag, Given)>,
    pub(super) env: &'a [FlagVariable<'a>],
}

impl Lookup<'_> {
    /// The value of a variable, if it is there.
    pub(super) fn variable(&self, name: &str) -> Result<Option<&str>, FlagError> {
        // Of several with one name, the last one counts.
        match self.env.iter().rev().find(|variable| variable.name == name) {
            None => Ok(None),
            Some(FlagVariable {
                value: Some(value), ..
            }) => Ok(Some(value)),
            Some(_) => Err(FlagError::Elsewhere(name.to_owned())),
        }
    }

    /// A flag as it is given: on the command line, else by a variable.
    fn given(&self, long: &str) -> Result<Option<Given>, FlagError> {
        let flag = self.flags.iter().find(|(flag, _)| flag.long == long);
        if let Some((_, given)) = flag {
            return Ok(Some(given.clone()));
        }
        // The one flag that has no variable.
        if long == PROXY_PORT {
            return Ok(None);
        }
        let own = long.to_ascii_uppercase().replace('-', "_");
        let others = FLAGS.iter().find(|flag| flag.long == long);
        let others = others.map_or(&[][..], |flag| flag.variables);
        for name in others.iter().copied().chain([own.as_str()]) {
            if let Some(value) = self.variable(name)? {
                return Ok(Some(Given {
                    value: value.to_owned(),
                    from: format!("environment variable {name}"),
                }));
            }
        }
        Ok(None)
    }

    /// The value, or the empty default.
    pub(super) fn value(&self, long: &'static str) -> Result<Given, FlagError> {
        Ok(self.given(long)?.unwrap_or_else(|| Given {
            value: String::new(),
            from: format!("no flag --{long}, default"),
        }))
    }

    /// The port that a flag gives, or the default.
    pub(super) fn port(&self, long: &str, default: u16) -> Result<u16, FlagError> {
        match self.given(long)? {
            None => Ok(default),
            Some(Given { value, from }) => {
                value.trim().parse().map_err(|_no_port| FlagError::Value {
                    from,
                    value,
                    expected: "a port",
                })
            }
        }
    }

    /// A switch is read as Go's `strconv.ParseBool` reads it. A variable that it does not read counts for nothing.
    pub(super) fn switch(&self, long: &str) -> Result<bool, FlagError> {
        let Some(Given { value, from }) = self.given(long)? else {
            return Ok(false);
        };
        match parse_bool(&value) {
            Some(value) => Ok(value),
            None if from.starts_with("environment") => Ok(false),
            None => Err(FlagError::Value {
                from,
                value,
                expected: "true or false",
            }),
        }
    }

    /// Where a switch comes from, for people.
    pub(super) fn origin_of_switch(&self, long: &str) -> String {
        match self.given(long) {
            Ok(Some(Given { value, from })) => format!("{from} {value:?}"),
            Ok(None) | Err(_) => format!("no flag --{long}, default"),
        }
    }
}
