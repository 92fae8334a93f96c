//! Which stores there are, and which of them is wanted.

/// Which store is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The best that there is without a plain file.
    #[default]
    Auto,
    /// The kernel's keyring of the user; what does not fit in goes to a file sealed under a key that is kept there.
    Kernel,
    /// The Secret Service of a desktop session.
    SecretService,
    /// The Keychain of macOS.
    Keychain,
    /// The Credential Manager of Windows.
    CredentialManager,
    /// Plain files of mode 0600.
    File,
    /// None.
    None,
}

impl Mode {
    /// All of them, with their names on the command line.
    pub const ALL: [(&str, Self); 7] = [
        ("auto", Self::Auto),
        ("kernel", Self::Kernel),
        ("secret-service", Self::SecretService),
        ("keychain", Self::Keychain),
        ("credential-manager", Self::CredentialManager),
        ("file", Self::File),
        ("none", Self::None),
    ];

    /// The one of that name; `None` for another text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, mode)| *mode)
    }
}

/// One store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    Kernel,
    SecretService,
    Native,
    File,
}

impl Store {
    /// What `auto` tries.
    #[cfg(target_os = "linux")]
    pub(super) const AUTO: &[Self] = &[Self::Kernel, Self::SecretService];
    #[cfg(any(target_os = "macos", windows))]
    pub(super) const AUTO: &[Self] = &[Self::Native];
    /// What there is on this system.
    #[cfg(target_os = "linux")]
    pub(super) const HERE: &[Self] = &[Self::Kernel, Self::SecretService, Self::File];
    #[cfg(any(target_os = "macos", windows))]
    pub(super) const HERE: &[Self] = &[Self::Native, Self::File];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel keyring",
            Self::SecretService => "Secret Service",
            Self::Native if cfg!(windows) => "Credential Manager",
            Self::Native => "Keychain",
            Self::File => "file",
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::SecretService => "secret-service",
            Self::Native => "native",
            Self::File => "file",
        }
    }
}
