//! The day and the time zone of the user.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

/// The time in the user's time zone.
pub fn now() -> ZonedDateTime {
    Timestamp::now().to_zoned_datetime(time_zone())
}

/// Today in the user's time zone, as `YYYY-MM-DD`.
pub fn today() -> String {
    now().strftime("%Y-%m-%d").to_string()
}

/// The user's time zone: the one in `/etc/localtime`, unless `TZ` is set. The library would look for the name of that
/// zone and read the whole database of names for it, which takes longer than all else that a plan reads.
#[expect(clippy::disallowed_methods, reason = "the library reads it there, too")]
pub fn time_zone() -> TimeZone {
    let in_file = || TimeZone::tzif("", &fs_err::read("/etc/localtime").ok()?).ok();
    let is_set = std::env::var_os("TZ").is_some();
    (!is_set).then(in_file).flatten().unwrap_or_else(TimeZone::system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_zone_that_the_library_finds() {
        for seconds in [0, 1_700_000_000, 1_720_000_000] {
            let time = Timestamp::from_second(seconds).unwrap();
            assert_eq!(time_zone().to_offset(time), TimeZone::system().to_offset(time));
        }
    }
}
