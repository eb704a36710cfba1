//! Days since 1970-01-01 and dates of the proleptic Gregorian calendar.
//!
//! Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years that begin in March and end with the leap day.

/// 0001-01-01 and 9999-12-31: the ends of what the twin's dates hold.
pub const FIRST_DAY: i64 = -719_162;
pub const LAST_DAY: i64 = 2_932_896;
/// Days from 0000-03-01 to 1970-01-01, and days in 400 years.
const EPOCH: i64 = 719_468;
const ERA: i64 = 146_097;

/// The day of a date. None for one that there is not in years 1 to 9999.
pub fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// (year, month, day) of a day; any within some billions of years.
pub fn civil(days: i64) -> (i64, u64, u64) {
    let days = days.saturating_add(EPOCH);
    let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month.unsigned_abs(), day.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_has_its_date_and_each_date_its_day() {
        let mut before = (0, 12, 31);
        for day in FIRST_DAY..=LAST_DAY {
            let (year, month, of_month) = civil(day);
            assert_eq!(days_of(year, month as i64, of_month as i64), Some(day));
            assert!((year, month, of_month) > before);
            before = (year, month, of_month);
        }
        assert_eq!(before, (9999, 12, 31));
        assert_eq!(civil(FIRST_DAY - 1), (0, 12, 31));
    }

    #[test]
    fn a_date_that_there_is_not_has_no_day() {
        for (year, month, day) in
            [(0, 1, 1), (10_000, 1, 1), (2023, 2, 29), (1900, 2, 29), (2024, 13, 1), (2024, 4, 31), (2024, 1, 0)]
        {
            assert_eq!(days_of(year, month, day), None);
        }
    }
}
