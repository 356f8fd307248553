//! What must be installed before anything can be built or tested, and installing it on Debian and Ubuntu.
//!
//! The lists here are the only ones. With nothing missing this module is one call of dpkg-query and silent. It never
//! installs without consent: `--yes`, CI, or no terminal to ask at.

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail};

use crate::process::{Run, is_on_path};
use crate::wasm;

/// Everything that the desktop program needs to compile and link.
const FOR_BUILD: &[&str] = &["build-essential", "libwebkit2gtk-4.1-dev", "pkg-config"];

/// A display to open windows on, hands and eyes for the tests, and the spelling check.
const FOR_TESTS: &[&str] =
    &["codespell", "fonts-dejavu-core", "imagemagick", "libgl1-mesa-dri", "openbox", "xdotool", "xvfb"];

/// The browser and its driver.
const BROWSER_DEBIAN: &[&str] = &["chromium", "chromium-driver"];
const BROWSER_UBUNTU: &[&str] = &["chromium-browser", "chromium-chromedriver"];

/// What is wanted: a build, or the tests too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub enum Scope {
    Build,
    Tests,
}

/// Whether packages may be installed without a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    Given,
    Ask,
}

impl Consent {
    pub fn new(yes: bool) -> Self {
        let nobody_to_ask = std::env::var_os("CI").is_some() || !std::io::stdin().is_terminal();
        if yes || nobody_to_ask { Self::Given } else { Self::Ask }
    }
}

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Also what the tests need: a virtual display, a browser, the spelling check
    #[arg(long)]
    tests: bool,
}

/// The command `setup`.
///
/// # Errors
/// When something is missing and cannot be installed.
pub fn run(options: &Options, consent: Consent) -> Result<()> {
    ensure(if options.tests { Scope::Tests } else { Scope::Build }, consent)?;
    println!("Everything is installed.");
    Ok(())
}

/// Installs what is missing; silent where nothing is.
///
/// # Errors
/// When something is missing and cannot be installed.
pub fn ensure(scope: Scope, consent: Consent) -> Result<wasm::Toolchain> {
    let family = Family::of_this_machine();
    if let Some(distribution) = family.distribution() {
        install(&missing(&wanted(scope, distribution))?, consent)?;
    } else {
        family.explain(scope)?;
    }
    wasm::ensure(family.distribution().is_some(), consent)
}

fn wanted(scope: Scope, distribution: Distribution) -> Vec<&'static str> {
    let mut names = FOR_BUILD.to_vec();
    if scope == Scope::Tests {
        names.extend(FOR_TESTS);
        names.extend(match distribution {
            Distribution::Debian => BROWSER_DEBIAN,
            Distribution::Ubuntu => BROWSER_UBUNTU,
        });
    }
    names
}

/// Those of the packages that are not installed.
///
/// # Errors
/// When dpkg-query is not there.
pub fn missing(names: &[&'static str]) -> Result<Vec<&'static str>> {
    let output = std::process::Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\n"])
        .args(names)
        .output()
        .context("cannot start `dpkg-query`, which tells what is installed")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let installed: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_suffix(" installed")).collect();
    Ok(names.iter().copied().filter(|name| !installed.contains(name)).collect())
}

/// Says what will be installed, asks where somebody can answer, and installs it.
///
/// # Errors
/// When it is refused, or apt-get fails.
pub fn install(names: &[&str], consent: Consent) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    println!("Missing system packages: {}", names.join(" "));
    println!("They will be installed with apt-get{}.", if is_root()? { "" } else { " through sudo" });
    if consent == Consent::Ask && !agreed()? {
        bail!("nothing was installed; install these packages yourself, then start again: {}", names.join(" "));
    }
    apt_get(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--quiet", "--yes", "--no-install-recommends"];
    arguments.extend(names);
    apt_get(&arguments)
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    if is_root()? {
        return Run::new(words[0]).args(&words[1..]).args(arguments).run();
    }
    if !is_on_path("sudo") {
        bail!("apt-get needs root, and there is no sudo: as root, run `apt-get {}`", arguments.join(" "));
    }
    Run::new("sudo").args(words).args(arguments).run()
}

fn is_root() -> Result<bool> {
    Ok(Run::new("id").args(["-u"]).read()?.trim() == "0")
}

fn agreed() -> Result<bool> {
    print!("Install them now? [Y/n] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Distribution {
    Debian,
    Ubuntu,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Apt(Distribution),
    OtherLinux,
    MacOs,
    Windows,
}

impl Family {
    fn of_this_machine() -> Self {
        match std::env::consts::OS {
            "macos" => Self::MacOs,
            "windows" => Self::Windows,
            _ if !is_on_path("apt-get") || !is_on_path("dpkg-query") => Self::OtherLinux,
            _ => {
                let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
                let is_ubuntu = release.lines().any(|line| line == "ID=ubuntu" || line.starts_with("ID_LIKE=\"ubuntu"));
                Self::Apt(if is_ubuntu { Distribution::Ubuntu } else { Distribution::Debian })
            }
        }
    }

    fn distribution(self) -> Option<Distribution> {
        match self {
            Self::Apt(distribution) => Some(distribution),
            Self::OtherLinux | Self::MacOs | Self::Windows => None,
        }
    }

    /// One line on what to install by hand; fails only where it is known to be missing.
    fn explain(self, scope: Scope) -> Result<()> {
        let line = match self {
            Self::Apt(_) => return Ok(()),
            Self::MacOs => "Install by hand once: the Xcode command line tools (`xcode-select --install`).",
            Self::Windows => "Install by hand once: the Visual Studio C++ build tools and the WebView2 runtime.",
            Self::OtherLinux if Run::new("pkg-config").args(["--exists", "webkit2gtk-4.1"]).read().is_err() => {
                bail!("install a C compiler, pkg-config and the development files of WebKitGTK 4.1, then start again")
            }
            Self::OtherLinux => "A C compiler, pkg-config and WebKitGTK 4.1 with its development files are needed.",
        };
        println!("{line}");
        if scope == Scope::Tests {
            println!(
                "The window tests run on Linux: Xvfb, openbox, xdotool, imagemagick, chromium, chromedriver, codespell."
            );
        }
        Ok(())
    }
}
