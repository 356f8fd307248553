//! What each event of the auction site says: a function of the seed and the event's number alone.
//!
//! Of every 50 events the first is a person, the next three are auctions, the others bids. Ids count persons and auctions,
//! so which ones exist at an event follows from its number, and a bid or an auction never names one that comes later.

use std::fmt::Write;

use super::Params;
use crate::ingest::simulate_devices::random::mix;

pub(super) const EVENTS_PER_ROUND: u64 = 50;
pub(super) const AUCTIONS_PER_ROUND: u64 = 3;
pub(super) const FIRST_PERSON_ID: u64 = 1_000;
pub(super) const FIRST_AUCTION_ID: u64 = 1_000;
pub(super) const FIRST_CATEGORY: u64 = 10;
const NUM_CATEGORIES: u64 = 5;
/// One auction, bidder or seller in so many is hot at a time.
const HOT_EVERY: u64 = 100;
const ACTIVE_PERSONS: u64 = 1_000;
const OPEN_AUCTIONS: u64 = 100;
const PRICE_STEPS: u64 = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventKind {
    Person,
    Auction,
    Bid,
}

pub(super) fn kind_of(event: u64) -> EventKind {
    match event % EVENTS_PER_ROUND {
        0 => EventKind::Person,
        1..=AUCTIONS_PER_ROUND => EventKind::Auction,
        _ => EventKind::Bid,
    }
}

/// The newest person at `event`, counted from 0.
pub(super) fn last_person(event: u64) -> u64 {
    event / EVENTS_PER_ROUND
}

/// The newest auction at `event`, counted from 0. The very first event is before all auctions and is a person.
pub(super) fn last_auction(event: u64) -> u64 {
    let (round, offset) = (event / EVENTS_PER_ROUND, event % EVENTS_PER_ROUND);
    (round * AUCTIONS_PER_ROUND + offset.min(AUCTIONS_PER_ROUND)).saturating_sub(1)
}

/// The numbers drawn for one event: SplitMix64, begun anew for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draws(u64);

impl Draws {
    #[inline]
    pub(super) fn new(seed: u64, event: u64) -> Self {
        Self(mix(seed.wrapping_add(0x632b_e59b_d9b4_e019) ^ mix(event)))
    }

    #[inline]
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From 0 to `bound`, without `bound`.
    #[inline]
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(bound);
        (product >> 64) as u64
    }
}

/// The laws by which ids and prices are drawn.
pub(super) struct Site {
    hot_auction_ratio: u64,
    hot_bidder_ratio: u64,
    hot_seller_ratio: u64,
    /// Prices at even steps of their logarithm; between two of them a straight line will do.
    prices: Vec<u64>,
}

impl Site {
    pub(super) fn new(params: &Params) -> Self {
        let price = |step: u64| (10_f64.powf(6.0 * step as f64 / PRICE_STEPS as f64) * 100.0).round() as u64;
        Self {
            hot_auction_ratio: u64::from(params.hot_auction_ratio),
            hot_bidder_ratio: u64::from(params.hot_bidder_ratio),
            hot_seller_ratio: u64::from(params.hot_seller_ratio),
            prices: (0..=PRICE_STEPS).map(price).collect(),
        }
    }

    /// In cents, from 1 to a million, log-uniform.
    #[inline]
    pub(super) fn price(&self, draws: &mut Draws) -> u64 {
        let drawn = draws.below(PRICE_STEPS * 1_024);
        let (step, between) = ((drawn / 1_024) as usize, drawn % 1_024);
        let low = self.prices[step];
        low + (self.prices[step + 1] - low) * between / 1_024
    }

    #[inline]
    pub(super) fn bid_auction(&self, event: u64, draws: &mut Draws) -> u64 {
        let last = last_auction(event);
        let is_hot = draws.below(self.hot_auction_ratio) > 0;
        let auction = if is_hot {
            last / HOT_EVERY * HOT_EVERY
        } else {
            let first = last.saturating_sub(OPEN_AUCTIONS);
            first + draws.below(last - first + 1)
        };
        FIRST_AUCTION_ID + auction
    }

    #[inline]
    pub(super) fn bidder(&self, event: u64, draws: &mut Draws) -> u64 {
        let last = last_person(event);
        let is_hot = draws.below(self.hot_bidder_ratio) > 0;
        // One beside the hot seller, where there is one yet.
        FIRST_PERSON_ID + if is_hot { (last / HOT_EVERY * HOT_EVERY + 1).min(last) } else { active_person(last, draws) }
    }

    pub(super) fn seller(&self, event: u64, draws: &mut Draws) -> u64 {
        let last = last_person(event);
        let is_hot = draws.below(self.hot_seller_ratio) > 0;
        FIRST_PERSON_ID + if is_hot { last / HOT_EVERY * HOT_EVERY } else { active_person(last, draws) }
    }

    pub(super) fn category(draws: &mut Draws) -> u64 {
        FIRST_CATEGORY + draws.below(NUM_CATEGORIES)
    }

    /// How long an auction is open, in microseconds: on average the time in which a hundred auctions begin.
    pub(super) fn auction_length_us(rate: u64, draws: &mut Draws) -> u64 {
        let horizon = OPEN_AUCTIONS * EVENTS_PER_ROUND / AUCTIONS_PER_ROUND * 1_000_000 / rate;
        1 + draws.below((horizon * 2).max(1))
    }
}

#[inline]
fn active_person(last: u64, draws: &mut Draws) -> u64 {
    let num_active = (last + 1).min(ACTIVE_PERSONS);
    last + 1 - num_active + draws.below(num_active)
}

const NUM_CHANNELS: u64 = 10_000;
const EXTRA_TEXT: usize = 4_096;
pub(super) const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];
pub(super) const FIRST_NAMES: [&str; 11] =
    ["Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"];
pub(super) const LAST_NAMES: [&str; 9] =
    ["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];
pub(super) const CITIES: [&str; 10] =
    ["Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"];
pub(super) const STATES: [&str; 6] = ["AZ", "CA", "ID", "OR", "WA", "WY"];
pub(super) const ITEMS: [&str; 8] =
    ["brass lamp", "oak table", "wool rug", "wall clock", "road bike", "tin robot", "tea set", "atlas"];
pub(super) const DESCRIPTIONS: [&str; 4] =
    ["as good as new", "some wear, works well", "from an old collection", "sold as it is"];

/// All text there is, made once.
pub(super) struct Words {
    /// Each with its url; the hot ones first.
    pub channels: Vec<(String, String)>,
    extra: String,
}

impl Words {
    pub(super) fn new(seed: u64, longest_extra: usize) -> Self {
        let url = |draws: &mut Draws| {
            let path = draws.below(1 << 40);
            format!("https://www.nexmark.com/{path:010x}/item.htm?query=1")
        };
        let channels = (0..HOT_CHANNELS.len() as u64 + NUM_CHANNELS)
            .map(|index| {
                let mut draws = Draws::new(seed, u64::MAX - index);
                let hot = HOT_CHANNELS.get(index as usize);
                let name = hot.map_or_else(|| format!("channel-{}", index - 4), |name| (*name).to_owned());
                let mut url = url(&mut draws);
                if hot.is_none() {
                    let _ = write!(url, "&channel_id={}", index - 4);
                }
                (name, url)
            })
            .collect();
        let mut draws = Draws::new(seed, u64::MAX / 2);
        let extra =
            (0..EXTRA_TEXT + longest_extra).map(|_| char::from(b'a' + draws.below(26) as u8)).collect::<String>();
        Self { channels, extra }
    }

    /// Half of the bids come by one of four hot channels.
    #[inline]
    pub(super) fn channel(&self, draws: &mut Draws) -> &(String, String) {
        let hot = HOT_CHANNELS.len() as u64;
        let index = if draws.below(2) > 0 { draws.below(hot) } else { hot + draws.below(NUM_CHANNELS) };
        &self.channels[index as usize]
    }

    #[inline]
    pub(super) fn extra(&self, length: usize, draws: &mut Draws) -> &str {
        let start = draws.below(EXTRA_TEXT as u64) as usize;
        &self.extra[start..start + length]
    }
}

pub(super) fn pick(words: &'static [&'static str], draws: &mut Draws) -> &'static str {
    words[draws.below(words.len() as u64) as usize]
}
