//! Which files are read.

use std::{
    borrow::Cow,
    collections::HashSet,
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use thiserror::Error;

use super::{
    charts::chart_of,
    documents::parts,
    parse::values,
    reading::{Found, Reading},
    remark::LocatedInstallation,
    unreadable::{Fault, Unreadable},
};
use crate::installation::Installation;

/// Why files cannot be read.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// A file or directory cannot be opened.
    #[error("cannot read {path}")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// One does not say how Istio is installed.
    #[error("{0}")]
    Values(Box<Unreadable>),
}

/// In place of a path.
const STANDARD_INPUT: &str = "-";

/// Reads files, standard input (`-`), and the files of directories ([`files`]). Objects of other kinds
/// are passed over, and counted.
pub fn read(paths: &[PathBuf]) -> Result<Reading, ManifestError> {
    read_installed(paths, &[])
}

/// The same where files of `values` say how Istio is installed.
pub fn read_installed(paths: &[PathBuf], values: &[PathBuf]) -> Result<Reading, ManifestError> {
    let mut reading = Reading::default();
    for path in paths {
        let mut chart: Option<PathBuf> = None;
        for file in files(path)? {
            let own = chart_of(path, &file);
            if let Some(own) = own {
                if chart.as_ref() != Some(&own) {
                    let path = own.as_path().into();
                    reading.remark(
                        &path,
                        "a Helm chart, passed over; render it first, with `helm template`",
                    );
                }
                chart = Some(own);
                continue;
            }
            let bytes = bytes(&file).map_err(failed(&file))?;
            let found = if file == *path {
                Found::ByName
            } else {
                Found::InDirectory
            };
            let path: Arc<Path> = file.into();
            match text(&bytes) {
                Ok(text) => reading.add(&path, &text, found),
                Err(line) => reading.add_not_text(&path, line),
            }
        }
    }
    reading.install_found();
    let mut given = Vec::new();
    for file in values {
        given.extend(installations(file)?);
    }
    reading.install_given(given);
    Ok(reading)
}

/// What a file says of how Istio is installed.
fn installations(file: &Path) -> Result<Vec<LocatedInstallation>, ManifestError> {
    let bytes = bytes(file).map_err(failed(file))?;
    let path: Arc<Path> = file.into();
    let refuse = |document, line, fault| {
        ManifestError::Values(Box::new(Unreadable {
            path: Arc::clone(&path),
            document,
            line,
            fault,
        }))
    };
    let text = text(&bytes).map_err(|line| refuse(1, line, Fault::NotText))?;
    let mut given = Vec::new();
    for (part, document) in parts(&text).into_iter().zip(1..) {
        let documents =
            values(&part).map_err(|(line, fault)| refuse(document, line, Fault::NotYaml(fault)))?;
        for value in documents {
            let installation = Installation::of_document(&value).map_err(|problem| {
                let of = String::new();
                refuse(document, part.line + 1, Fault::Installation { of, problem })
            })?;
            let path = Arc::clone(&path);
            given.push(LocatedInstallation { installation, path });
        }
    }
    if given.is_empty() {
        let problem = Installation::of_document(&serde_json::Value::Null);
        let problem = problem.err().map(|problem| Fault::Installation {
            of: String::new(),
            problem,
        });
        return Err(refuse(1, 1, problem.unwrap_or(Fault::NoKind)));
    }
    Ok(given)
}

/// A file's text, in UTF-8 or, as PowerShell writes what it is told to, in UTF-16 with a mark at the
/// beginning; or else the line where it is none.
fn text(bytes: &[u8]) -> Result<Cow<'_, str>, u64> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes),
        _ => match str::from_utf8(bytes) {
            // What is neither text nor marked as UTF-16.
            Ok(text) if text.contains('\0') => Err(1),
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(error) => {
                let before = &bytes[..error.valid_up_to()];
                let n_lines = before.iter().filter(|byte| **byte == b'\n').count();
                Err(n_lines as u64 + 1)
            }
        },
    }
}

fn from_utf16<'t>(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'t, str>, u64> {
    let (pairs, left) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    let text = text.ok().filter(|_| left.is_empty());
    text.map(Cow::Owned).ok_or(1)
}

fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    if file != Path::new(STANDARD_INPUT) {
        return fs::read(file);
    }
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file as it is, and the `.yaml`, `.yml` and `.json` files below a directory in the order of their
/// paths. What is hidden is left out, and each directory is read once, however many links lead to it.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    if !is_directory(path)? {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for directory in directories(path)? {
        for entry in entries(&directory)? {
            let known = entry.extension().is_some_and(|extension| {
                ["yaml", "yml", "json"]
                    .iter()
                    .any(|known| extension == *known)
            });
            if known && entry.is_file() {
                files.push(entry);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A directory and those below it; none for a file.
pub fn directories(path: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    if !is_directory(path)? {
        return Ok(Vec::new());
    }
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut next = vec![path.to_owned()];
    while let Some(directory) = next.pop() {
        // Links may lead back up.
        let real = fs::canonicalize(&directory).map_err(failed(&directory))?;
        if !seen.insert(real) {
            continue;
        }
        let below = entries(&directory)?;
        next.extend(below.into_iter().filter(|entry| entry.is_dir()).rev());
        found.push(directory);
    }
    Ok(found)
}

fn is_directory(path: &Path) -> Result<bool, ManifestError> {
    if path == Path::new(STANDARD_INPUT) {
        return Ok(false);
    }
    let metadata = fs::metadata(path).map_err(failed(path))?;
    Ok(metadata.is_dir())
}

/// What is in a directory and not hidden, in order.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed(directory))? {
        let entry = entry.map_err(failed(directory))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            all.push(entry.path());
        }
    }
    all.sort();
    Ok(all)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ManifestError {
    let path = path.to_owned();
    |source| ManifestError::Read { path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A directory that goes with its test.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let name = format!("egress-observer-istio-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).expect("a directory for the test");
            Self(path)
        }

        fn write(&self, path: &str, text: &[u8]) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().expect("it is below")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).expect("it is there");
        }
    }

    #[test]
    fn directories_are_read_with_those_below_them() {
        let root = Directory::new("below");
        let all = [
            "b.yaml",
            "a/z.json",
            "a/b/c.yml",
            "c.txt",
            ".hidden/d.yaml",
            "a/.e.yaml",
        ];
        for path in all {
            root.write(path, b"");
        }
        symlink("..", root.0.join("a/up")).unwrap();
        symlink("b", root.0.join("a/same")).unwrap();
        symlink("nowhere", root.0.join("a/gone.yaml")).unwrap();
        let found = files(&root.0).unwrap();
        let expected = ["a/b/c.yml", "a/z.json", "b.yaml"].map(|path| root.0.join(path));
        assert_eq!(found, expected);
        assert_eq!(directories(&root.0).unwrap().len(), 3);
    }

    #[test]
    fn what_powershell_writes_is_read() {
        let root = Directory::new("utf16");
        let text = "kind: Pod\nmetadata: {name: ä}\n";
        let units = || text.encode_utf16();
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        root.write("a.yaml", &[&[0xff, 0xfe], &little[..]].concat());
        root.write("b.yaml", &[&[0xfe, 0xff], &big[..]].concat());
        root.write("c.yaml", &[&[0xff, 0xfe, 0x41], &little[..]].concat());
        let reading = read(std::slice::from_ref(&root.0)).unwrap();
        let names = reading.objects.iter();
        let names: Vec<_> = names
            .map(|located| &located.object.metadata().name)
            .collect();
        assert_eq!(names, ["ä", "ä"]);
        assert_eq!(reading.unreadable.len(), 1);
    }

    #[test]
    fn a_file_that_is_not_text_does_not_spoil_the_others() {
        let root = Directory::new("text");
        root.write("a.yaml", b"kind: Pod\nmetadata: {name: \xff}\n");
        root.write("b.yaml", b"kind: Pod\nmetadata: {name: b}\n");
        let reading = read(std::slice::from_ref(&root.0)).unwrap();
        assert_eq!(reading.objects.len(), 1);
        let told = reading.unreadable[0].to_string();
        let expected = "a.yaml: document 1, line 2: not text in UTF-8; save it as UTF-8";
        assert!(told.ends_with(expected), "{told}");
    }

    #[test]
    fn charts_and_templates_in_a_directory_are_passed_over_with_a_word() {
        let root = Directory::new("chart");
        root.write("web/Chart.yaml", b"name: web\n");
        root.write("web/values.yaml", b"replicas: 1\n");
        root.write("web/values-prod.yaml", b"replicas: 2\n");
        root.write(
            "web/templates/a.yaml",
            b"kind: Pod\nmetadata: {name: \"{{ .Release.Name }}\"}\n",
        );
        root.write("web/crds/b.yaml", b"kind: Pod\nmetadata: {name: b}\n");
        root.write(
            "alone.yaml",
            b"{{- if .Values.on }}\nkind: Pod\n{{- end }}\n",
        );
        let reading = read(std::slice::from_ref(&root.0)).unwrap();
        assert_eq!((reading.objects.len(), reading.unreadable.len()), (1, 0));
        let told: Vec<String> = reading.remarks.iter().map(ToString::to_string).collect();
        let expected = [
            (
                "alone.yaml",
                "a template, passed over; render it first, with `helm template`",
            ),
            (
                "web",
                "a Helm chart, passed over; render it first, with `helm template`",
            ),
        ];
        let expected =
            expected.map(|(path, text)| format!("{}: {text}", root.0.join(path).display()));
        assert_eq!(told, expected);
        // By its name it is meant.
        let reading = read(&[root.0.join("alone.yaml")]).unwrap();
        assert_eq!(reading.unreadable.len(), 1);
    }

    #[test]
    fn values_that_are_given_count_in_place_of_config_maps() {
        let root = Directory::new("values");
        root.write(
            "istio.yaml",
            b"kind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n",
        );
        root.write("base.yaml", b"meshConfig: {accessLogFile: /dev/stdout}\n");
        root.write("prod.yaml", b"global: {tag: 1.27.1}\n");
        root.write("none.yaml", b"# nothing\n");
        let paths = [root.0.join("istio.yaml")];
        let values = ["base.yaml", "prod.yaml"].map(|file| root.0.join(file));
        let reading = read_installed(&paths, &values).unwrap();
        assert_eq!(reading.objects.len(), 2);
        let expected = format!(
            "{}: ConfigMap istio-system/istio does not count: {} does",
            paths[0].display(),
            values[1].display()
        );
        assert_eq!(reading.remarks[0].to_string(), expected);
        let told = read_installed(&paths, &[root.0.join("none.yaml")])
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("an empty document, and neither Helm values"),
            "{told}"
        );
    }
}
