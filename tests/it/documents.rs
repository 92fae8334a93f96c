//! What stands in the documents is so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn links_between_documents_lead_somewhere() {
    let names =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(str::to_owned);
    let docs = std::fs::read_dir(root().join("docs")).unwrap().flatten();
    let docs = docs.map(|entry| format!("docs/{}", entry.file_name().to_string_lossy()));
    for name in names.into_iter().chain(docs.filter(|name| name.ends_with(".md"))) {
        for rest in read(&name).split("](").skip(1) {
            let link = rest.split([')', '#']).next().unwrap_or_default();
            if !link.contains("://") {
                let target = root().join(&name).parent().unwrap().join(link);
                assert!(target.exists(), "{name} links to {link}");
            }
        }
    }
}

#[test]
fn every_folder_and_file_that_the_architecture_names_is_there() {
    let rooms = ["shared/", "kubectl-rrsa/", "rrsa-exec-credential/", "tests/", "docs/"];
    let text = read("ARCHITECTURE.md");
    let quoted = text.split('`').skip(1).step_by(2);
    let paths: Vec<_> = quoted.filter(|text| rooms.iter().any(|room| text.starts_with(room))).collect();
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        assert!(root().join(path).exists(), "ARCHITECTURE.md names {path}");
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Plugin {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    version: String,
    homepage: String,
    short_description: String,
    description: String,
    #[serde(default)]
    caveats: String,
    platforms: Vec<Platform>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Platform {
    selector: Selector,
    uri: String,
    sha256: String,
    bin: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selector {
    match_labels: Labels,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    os: String,
    arch: String,
}

/// The checks of krew's own validator, and those its reviewers make by eye.
#[test]
fn the_krew_manifest_is_one_that_krew_takes() {
    let plugin: Plugin = serde_saphyr::from_str(&read("krew-manifest.yaml")).unwrap();
    assert_eq!(plugin.api_version, "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!((plugin.kind.as_str(), plugin.metadata.name.as_str()), ("Plugin", "rrsa"));
    let spec = plugin.spec;
    assert_eq!(spec.version, concat!("v", env!("CARGO_PKG_VERSION")), "the workspace's own version");
    assert!(spec.homepage.starts_with("https://"));
    assert!(!spec.short_description.is_empty() && spec.short_description.chars().count() <= 50);
    assert!(!spec.short_description.contains('\n'));
    for text in [&spec.description, &spec.caveats] {
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    let known = ["linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64"];
    let mut seen = BTreeSet::new();
    for platform in &spec.platforms {
        let Labels { os, arch } = &platform.selector.match_labels;
        let pair = format!("{os}/{arch}");
        assert!(known.contains(&pair.as_str()), "{pair}");
        assert!(seen.insert(pair.clone()), "{pair} twice");
        let (kind, bin) = match os.as_str() {
            "windows" => ("zip", "kubectl-rrsa.exe"),
            _ => ("tar.gz", "kubectl-rrsa"),
        };
        assert_eq!(platform.bin, bin, "{pair}");
        let version = &spec.version;
        let end = format!("/releases/download/{version}/kubectl-rrsa_{version}_{os}_{arch}.{kind}");
        assert!(platform.uri.starts_with(&spec.homepage) && platform.uri.ends_with(&end), "{}", platform.uri);
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        assert!(platform.sha256.len() == 64 && platform.sha256.chars().all(hex), "{pair}");
    }
    assert_eq!(seen.len(), known.len());
    assert!(root().join("LICENSE").is_file(), "krew wants a licence in every archive");
}
