//! Objects from manifests: text, a file, or a directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// The objects of YAML or JSON documents; a `List` is the objects in it.
pub(super) fn parse(text: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).context("not YAML")?;
    let mut objects = Vec::new();
    for mut document in documents.into_iter().filter(|it| !it.is_null()) {
        match document.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => objects.extend(items),
            _ => objects.push(document),
        }
    }
    Ok(objects)
}

/// The objects of a file, or of the files of a directory and those below it, in order of names.
pub(super) fn load(path: &Path) -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    for file in files(path)? {
        let text = fs::read_to_string(&file);
        let text = text.with_context(|| format!("cannot read {}", file.display()))?;
        objects.extend(parse(&text).with_context(|| format!("{}", file.display()))?);
    }
    Ok(objects)
}

/// The files that are read of what [`crate::ApiServer::load`] is given; a file is one whatever its name is.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let paths = entries(path).with_context(|| format!("cannot read {}", path.display()))?;
    let Some(paths) = paths else {
        return Ok(vec![path.to_owned()]);
    };
    let mut files = Vec::new();
    for path in paths {
        let is_manifest = path
            .extension()
            .is_some_and(|it| ["yaml", "yml", "json"].iter().any(|known| it == *known));
        if path.is_dir() || is_manifest {
            files.extend(self::files(&path)?);
        }
    }
    Ok(files)
}

/// What is in a directory, in order; nothing of a file.
fn entries(path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(None);
    }
    let entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(Some(paths))
}
