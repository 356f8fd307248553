//! What the queries of Nexmark give, computed the slow and obvious way from all events at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub type Rows = Vec<Value>;

const SECOND: i64 = 1_000_000;

/// All events, each as a JSON object.
pub struct Events {
    pub persons: Rows,
    pub auctions: Rows,
    pub bids: Rows,
}

fn whole(row: &Value, column: &str) -> i64 {
    row[column].as_i64().unwrap_or_else(|| panic!("{column} is a whole number: {row}"))
}

fn time(row: &Value, column: &str) -> i64 {
    row[column].as_str().and_then(micros).unwrap_or_else(|| panic!("{column} is a time: {row}"))
}

/// Microseconds since 1970 of a text such as `2026-01-01T00:00:00.25Z`; `None` for other texts.
///
/// Days are counted as in Howard Hinnant's `days_from_civil`.
pub fn micros(text: &str) -> Option<i64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes, seconds) = (clock.next()??, clock.next()??, clock.next()??);
    let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    Some((days * 86_400 + hours * 3_600 + minutes * 60 + seconds) * SECOND + fraction)
}

/// The starts of the windows of `size` every `slide` that hold `time`.
fn window_starts(time: i64, size: i64, slide: i64) -> impl Iterator<Item = i64> {
    let last = time.div_euclid(slide) * slide;
    (0..).map(move |n| last - n * slide).take_while(move |start| time < start + size)
}

fn mean(values: &[i64]) -> f64 {
    values.iter().sum::<i64>() as f64 / values.len() as f64
}

/// Pass through.
pub fn q0(events: &Events) -> Rows {
    events.bids.clone()
}

/// Prices in euros.
pub fn q1(events: &Events) -> Rows {
    let in_euros = |bid: &Value| {
        let mut bid = bid.clone();
        bid["price"] = json!(whole(&bid, "price") as f64 * 0.908);
        bid
    };
    events.bids.iter().map(in_euros).collect()
}

/// Bids for some auctions.
pub fn q2(events: &Events) -> Rows {
    events.bids.iter().filter(|bid| whole(bid, "auction") % 123 == 0).cloned().collect()
}

/// Who sells in category 10 from three states.
pub fn q3(events: &Events) -> Rows {
    let mut rows = Vec::new();
    for auction in events.auctions.iter().filter(|auction| whole(auction, "category") == 10) {
        for person in events.persons.iter().filter(|person| person["id"] == auction["seller"]) {
            if ["OR", "ID", "CA"].iter().any(|state| person["state"] == *state) {
                let (name, city, state) = (&person["name"], &person["city"], &person["state"]);
                rows.push(json!({ "name": name, "city": city, "state": state, "id": auction["id"] }));
            }
        }
    }
    rows
}

/// Each auction that had a bid while it was open, and the highest of them.
fn winning_bids(events: &Events) -> Vec<(&Value, i64)> {
    let mut bids_of: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
    for bid in &events.bids {
        bids_of.entry(whole(bid, "auction")).or_default().push((time(bid, "date_time"), whole(bid, "price")));
    }
    let winning_bid = |auction: &Value| {
        let open = time(auction, "date_time")..=time(auction, "expires");
        let bids = bids_of.get(&whole(auction, "id"))?;
        bids.iter().filter(|(time, _)| open.contains(time)).map(|(_, price)| *price).max()
    };
    events.auctions.iter().filter_map(|auction| Some((auction, winning_bid(auction)?))).collect()
}

/// The mean winning bid of the auctions of a category that ended within 10 s, every 5 s.
pub fn q4(events: &Events) -> Rows {
    let mut groups: BTreeMap<(i64, i64), Vec<i64>> = BTreeMap::new();
    for (auction, price) in winning_bids(events) {
        for start in window_starts(time(auction, "expires"), 10 * SECOND, 5 * SECOND) {
            groups.entry((start, whole(auction, "category"))).or_default().push(price);
        }
    }
    let row = |((start, category), prices): ((i64, i64), Vec<i64>)| json!({ "window_start": start, "category": category, "mean": mean(&prices) });
    groups.into_iter().map(row).collect()
}

/// The auction with the most bids within 10 s, every 2 s; of equal ones that with the smallest number.
pub fn q5(events: &Events) -> Rows {
    let mut windows: BTreeMap<i64, BTreeMap<i64, i64>> = BTreeMap::new();
    for bid in &events.bids {
        for start in window_starts(time(bid, "date_time"), 10 * SECOND, 2 * SECOND) {
            *windows.entry(start).or_default().entry(whole(bid, "auction")).or_default() += 1;
        }
    }
    let hottest = |(start, counts): (i64, BTreeMap<i64, i64>)| {
        let (auction, n) = counts.into_iter().max_by_key(|(auction, n)| (*n, -auction)).expect("a window has bids");
        json!({ "window_start": start, "auction": auction, "n": n })
    };
    windows.into_iter().map(hottest).collect()
}

/// With each auction that ends, the mean winning bid of its seller's last ten.
pub fn q6(events: &Events) -> Rows {
    let mut of_seller: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
    for (auction, price) in winning_bids(events) {
        of_seller.entry(whole(auction, "seller")).or_default().push((time(auction, "expires"), price));
    }
    let mut rows = Vec::new();
    for (seller, mut sold) in of_seller {
        sold.sort_unstable();
        let ends: BTreeSet<i64> = sold.iter().map(|(expires, _)| *expires).collect();
        assert_eq!(ends.len(), sold.len(), "no two auctions of seller {seller} end at once, so their order is clear");
        for end in 1..=sold.len() {
            let prices: Vec<i64> = sold[end.saturating_sub(10)..end].iter().map(|(_, price)| *price).collect();
            rows.push(json!({ "seller": seller, "expires": sold[end - 1].0, "mean": mean(&prices) }));
        }
    }
    rows
}

/// The highest price of each 10 s.
pub fn q7(events: &Events) -> Rows {
    let mut highest: BTreeMap<i64, i64> = BTreeMap::new();
    for bid in &events.bids {
        for start in window_starts(time(bid, "date_time"), 10 * SECOND, 10 * SECOND) {
            let price = highest.entry(start).or_default();
            *price = whole(bid, "price").max(*price);
        }
    }
    highest.into_iter().map(|(start, price)| json!({ "window_start": start, "price": price })).collect()
}

/// Who signed up and opened an auction within the same 10 s.
pub fn q8(events: &Events) -> Rows {
    let window = |row: &Value| time(row, "date_time").div_euclid(10 * SECOND) * 10 * SECOND;
    let opens_auction = |person: &&Value| {
        events.auctions.iter().any(|auction| auction["seller"] == person["id"] && window(auction) == window(person))
    };
    let row = |person: &Value| json!({ "window_start": window(person), "id": person["id"], "name": person["name"] });
    events.persons.iter().filter(opens_auction).map(row).collect()
}

/// How many bids a person made without a pause of 10 s.
pub fn q11(events: &Events) -> Rows {
    let mut of_bidder: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for bid in &events.bids {
        of_bidder.entry(whole(bid, "bidder")).or_default().push(time(bid, "date_time"));
    }
    let mut rows = Vec::new();
    for (bidder, mut times) in of_bidder {
        times.sort_unstable();
        for session in times.chunk_by(|before, after| after - before < 10 * SECOND) {
            let (start, end) = (session[0], session[session.len() - 1] + 10 * SECOND);
            rows.push(json!({ "window_start": start, "window_end": end, "bidder": bidder, "n": session.len() }));
        }
    }
    rows
}

/// How many bids each person made in each 10 s.
pub fn q12(events: &Events) -> Rows {
    let mut counts: BTreeMap<(i64, i64), i64> = BTreeMap::new();
    for bid in &events.bids {
        for start in window_starts(time(bid, "date_time"), 10 * SECOND, 10 * SECOND) {
            *counts.entry((start, whole(bid, "bidder"))).or_default() += 1;
        }
    }
    let row = |((start, bidder), n): ((i64, i64), i64)| json!({ "window_start": start, "bidder": bidder, "n": n });
    counts.into_iter().map(row).collect()
}
