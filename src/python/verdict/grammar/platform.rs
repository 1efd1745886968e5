//! The platform tags that PyPI accepts: by the specifications of the platforms (PEP 513, 571, 599, 600, 656, 730,
//! 738, 783), and otherwise by a list.

const LISTED: &[&str] = &[
    "any",
    "win32",
    "win_arm64",
    "win_amd64",
    "win_ia64",
    "manylinux1_x86_64",
    "manylinux1_i686",
    "manylinux2010_x86_64",
    "manylinux2010_i686",
    "manylinux2014_x86_64",
    "manylinux2014_i686",
    "manylinux2014_aarch64",
    "manylinux2014_armv7l",
    "manylinux2014_ppc64",
    "manylinux2014_ppc64le",
    "manylinux2014_s390x",
    "linux_armv6l",
    "linux_armv7l",
];
/// PyPI's list has `fat3`, probably a typo of `fat32`
const MACOS: &[&str] =
    &["ppc", "ppc64", "i386", "x86_64", "arm64", "intel", "fat", "fat3", "fat64", "universal", "universal2"];
const MACOS_MAJORS: &[&str] = &["11", "12", "13", "14", "15", "26"];
const LINUX: &[&str] = &["x86_64", "i686", "aarch64", "armv7l", "ppc64le", "s390x", "riscv64"];
const IOS: &[&str] = &["arm64", "x86_64"];
const ANDROID: &[&str] = &["armeabi_v7a", "arm64_v8a", "x86", "x86_64"];

/// Whether PyPI accepts wheels with this platform tag.
pub(in crate::python::verdict) fn is_taken(tag: &str) -> bool {
    let tag = tag.to_lowercase();
    if LISTED.contains(&tag.as_str()) {
        return true;
    }
    let Some((system, rest)) = tag.split_once('_') else { return false };
    let versioned = || {
        let (major, rest) = number(rest)?;
        let (minor, rest) = number(rest)?;
        Some((major, minor, rest))
    };
    match system {
        "android" => number(rest).is_some_and(|(_, processor)| ANDROID.contains(&processor)),
        "macosx" => versioned().is_some_and(|(major, minor, processor)| {
            (major == "10" || (MACOS_MAJORS.contains(&major) && minor == "0")) && MACOS.contains(&processor)
        }),
        "manylinux" => {
            versioned().is_some_and(|(_, _, processor)| processor == "ppc64" || LINUX.contains(&processor))
        }
        "musllinux" => versioned().is_some_and(|(_, _, processor)| LINUX.contains(&processor)),
        "ios" => versioned().is_some_and(|(_, _, rest)| {
            let device = rest.strip_suffix("_iphoneos").or_else(|| rest.strip_suffix("_iphonesimulator"));
            device.is_some_and(|processor| IOS.contains(&processor))
        }),
        "pyemscripten" => versioned().is_some_and(|(_, _, processor)| processor == "wasm32"),
        _ => false,
    }
}

/// A number up to the next `_`, and the text after it.
fn number(text: &str) -> Option<(&str, &str)> {
    let (number, rest) = text.split_once('_')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::is_taken;

    #[test]
    fn platforms_are_those_that_pypi_takes() {
        for right in [
            "any",
            "win32",
            "WIN_AMD64",
            "manylinux2014_aarch64",
            "manylinux_2_17_x86_64",
            "manylinux_2_17_ppc64",
            "musllinux_1_2_riscv64",
            "macosx_10_9_x86_64",
            "macosx_11_0_arm64",
            "macosx_26_0_universal2",
            "ios_13_0_arm64_iphoneos",
            "android_21_arm64_v8a",
            "pyemscripten_2025_0_wasm32",
            "linux_armv7l",
        ] {
            assert!(is_taken(right), "{right}");
        }
        for wrong in [
            "",
            "linux_x86_64",
            "manylinux_x86_64",
            "manylinux2014_riscv64",
            "musllinux_1_2_ppc64",
            "macosx_12_3_arm64",
            "macosx_16_0_arm64",
            "macosx_11_0_mips",
            "win_arm32",
            "emscripten_3_1_58_wasm32",
            "ios_13_0_arm64",
            "android_x_x86",
            "freebsd_13_1_release_amd64",
        ] {
            assert!(!is_taken(wrong), "{wrong}");
        }
    }
}
