//! `ingest.nexmark`: the events of an auction site, as the benchmark Nexmark has them.
//!
//! `events` says what each event is; here is in which order events come, and how they become columns. State: the number
//! of events that have left. Rows are a function of the params and that number, so batches do not show. Where nothing else
//! is said, the watermark is the time of the first event of the group of events that is under way: no row that follows is
//! older, so none is late. With a bound on the disorder it follows the newest event, and a row that is older than the
//! watermark of those before it meets that watermark, so whether it is late does not depend on batches either.

mod events;
#[cfg(test)]
mod tests;

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use millrace_model::card::PortRole;
use millrace_model::event_time::{UTC, timestamp_type, with_event_time};
use millrace_model::{Interval, PortCard};
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Output, Source, SourceContext, SourceEvent, State,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::columns::parse_time_us;
use events::{
    CITIES, DESCRIPTIONS, Draws, EventKind, FIRST_AUCTION_ID, FIRST_NAMES, FIRST_PERSON_ID, ITEMS, LAST_NAMES, STATES,
    Site, Words, kind_of, last_auction, last_person, pick,
};

const DATE_TIME: &str = "date_time";
const MAX_EVENTS: u64 = 1_000_000_000_000;
const MAX_RATE: u64 = 1_000_000_000;
const MAX_EXTRA: u32 = 10_000;
/// Steps of this many events visit each place of a smaller group once, as it is a prime.
const STRIDE: u64 = 953;

/// Makes the events of an auction site: persons who sign up, auctions, and bids. They are those of the benchmark Nexmark,
/// with which stream processors are measured.
///
/// Of every 50 events one is a person, three are auctions and 46 are bids; each leaves by its own port. The event time of
/// all is `date_time`. The same seed gives the same rows, always.
///
/// | port | columns |
/// | --- | --- |
/// | persons | id, name, email_address, credit_card, city, state, date_time, extra |
/// | auctions | id, item_name, description, initial_bid, reserve, date_time, expires, seller, category, extra |
/// | bids | auction, bidder, price, channel, url, date_time, extra |
///
/// Prices are in cents, from 1 to 1,000,000 units, small ones as frequent as large ones on a scale of logarithms. Bids
/// prefer hot auctions and hot bidders. A bid is always for an auction and by a person that are there already; the
/// original generator now and then runs ahead by a few.
///
/// **Delivery:** exactly-once effect; after a restart it goes on with the next event.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Ends after this many events of all three sorts together. Empty: no end.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64))]
    pub events: Option<u64>,
    /// All chance follows from it: another seed, other rows.
    #[serde(default = "default_seed")]
    #[schemars(range(min = 0))]
    pub seed: u64,
    /// Events a second of event time. They come as fast as the pipeline takes them.
    #[serde(default = "default_rate")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub rate: u64,
    /// The time of the first event, in ISO 8601.
    #[serde(default = "default_start_time")]
    pub start_time: String,
    /// Events come shuffled within groups of this many; 1 keeps them in order.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 952))]
    pub out_of_order_group: u32,
    /// How much older than an event before it one may be without being late. Empty: as much as the groups need, so that
    /// none is late.
    #[serde(default)]
    pub max_out_of_orderness: Option<Interval>,
    /// One bid in this many is for any open auction, the others for the hot one; 1: none is hot.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    pub hot_auction_ratio: u32,
    /// One bid in this many is by any active person, the others by the hot one; 1: none is hot.
    #[serde(default = "four")]
    #[schemars(range(min = 1))]
    pub hot_bidder_ratio: u32,
    /// One auction in this many is by any active person, the others by the hot one; 1: none is hot.
    #[serde(default = "four")]
    #[schemars(range(min = 1))]
    pub hot_seller_ratio: u32,
    /// How many letters `extra` of a person has.
    #[serde(default = "default_extra")]
    #[schemars(range(min = 0, max = 10_000))]
    pub person_extra: u32,
    /// How many letters `extra` of an auction has.
    #[serde(default = "default_extra")]
    #[schemars(range(min = 0, max = 10_000))]
    pub auction_extra: u32,
    /// How many letters `extra` of a bid has.
    #[serde(default = "default_extra")]
    #[schemars(range(min = 0, max = 10_000))]
    pub bid_extra: u32,
}

fn default_seed() -> u64 {
    1
}

fn default_rate() -> u64 {
    10_000
}

fn default_start_time() -> String {
    "2026-01-01T00:00:00Z".to_owned()
}

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
}

fn four() -> u32 {
    4
}

fn default_extra() -> u32 {
    8
}

/// The node kind.
pub struct Nexmark;

impl Node for Nexmark {
    type Params = Params;
    const KIND: &'static str = "ingest.nexmark";

    fn card() -> CardText {
        let port = |name: &str, help: &str| PortCard::named(name, PortRole::Rows, help);
        CardText::new("Nexmark", "Persons, auctions and bids of the benchmark Nexmark", "gauge")
            .output(port("persons", "A row for each person who signs up."))
            .output(port("auctions", "A row for each auction that begins."))
            .output(port("bids", "A row for each bid."))
            .headline("events")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        check(params, cx);
        if cx.has_errors() {
            return vec![None; 3];
        }
        let schema = |columns: &[(&str, DataType)]| {
            let fields = columns.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
            Some(with_event_time(&Schema::new(fields.collect::<Vec<_>>()), Some(DATE_TIME)))
        };
        let (whole, text, time) = (DataType::Int64, DataType::Utf8, timestamp_type());
        vec![
            schema(&[
                ("id", whole.clone()),
                ("name", text.clone()),
                ("email_address", text.clone()),
                ("credit_card", text.clone()),
                ("city", text.clone()),
                ("state", text.clone()),
                (DATE_TIME, time.clone()),
                ("extra", text.clone()),
            ]),
            schema(&[
                ("id", whole.clone()),
                ("item_name", text.clone()),
                ("description", text.clone()),
                ("initial_bid", whole.clone()),
                ("reserve", whole.clone()),
                (DATE_TIME, time.clone()),
                ("expires", time.clone()),
                ("seller", whole.clone()),
                ("category", whole.clone()),
                ("extra", text.clone()),
            ]),
            schema(&[
                ("auction", whole.clone()),
                ("bidder", whole.clone()),
                ("price", whole),
                ("channel", text.clone()),
                ("url", text.clone()),
                (DATE_TIME, time),
                ("extra", text),
            ]),
        ]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let [persons, auctions, bids] = cx.outputs.as_slice() else {
            return Err(NodeError::internal("the generator has no schemas of its three ports"));
        };
        let longest_extra = params.person_extra.max(params.auction_extra).max(params.bid_extra);
        Ok(Machine::Source(Box::new(Generator {
            schemas: [persons, auctions, bids].map(Arc::clone),
            start_us: parse_time_us(params.start_time.trim()).unwrap_or_default(),
            num_events: params.events.unwrap_or(MAX_EVENTS),
            site: Site::new(&params),
            words: Words::new(params.seed, longest_extra as usize),
            params,
            next: 0,
            newest: None,
            passed_on_us: None,
        })))
    }
}

fn check(params: &Params, cx: &mut InferContext<'_>) {
    if params.events.is_some_and(|events| !(1..=MAX_EVENTS).contains(&events)) {
        cx.error("events", "out_of_range", format!("Write a number of events from 1 to {MAX_EVENTS}, or none."));
    }
    if !(1..=MAX_RATE).contains(&params.rate) {
        cx.error("rate", "out_of_range", format!("Write a rate from 1 to {MAX_RATE} events a second."));
    }
    if parse_time_us(params.start_time.trim()).is_none() {
        let message = format!("`{}` is not a time such as `2026-01-01T00:00:00Z`.", params.start_time);
        cx.error("start_time", "not_a_time", message);
    }
    if !(1..STRIDE).contains(&u64::from(params.out_of_order_group)) {
        cx.error("out_of_order_group", "out_of_range", format!("A group has 1 to {} events.", STRIDE - 1));
    }
    let ratios = [
        ("hot_auction_ratio", params.hot_auction_ratio),
        ("hot_bidder_ratio", params.hot_bidder_ratio),
        ("hot_seller_ratio", params.hot_seller_ratio),
    ];
    for (param, ratio) in ratios {
        if ratio == 0 {
            cx.error(param, "out_of_range", "Write 1 or more.");
        }
    }
    let extras = [
        ("person_extra", params.person_extra),
        ("auction_extra", params.auction_extra),
        ("bid_extra", params.bid_extra),
    ];
    for (param, length) in extras {
        if length > MAX_EXTRA {
            cx.error(param, "out_of_range", format!("Write a length of at most {MAX_EXTRA} letters."));
        }
    }
}

struct Generator {
    params: Params,
    schemas: [SchemaRef; 3],
    start_us: i64,
    num_events: u64,
    site: Site,
    words: Words,
    /// How many events have left.
    next: u64,
    /// The newest event that has left; follows from `next`.
    newest: Option<u64>,
    /// The watermark that was emitted.
    passed_on_us: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct SavedState {
    next: u64,
}

impl Generator {
    /// The event that leaves as number `place`.
    fn event_at(&self, place: u64) -> u64 {
        let group = u64::from(self.params.out_of_order_group);
        let first = self.group_start(place);
        // The last group may be cut short; it stays in order, so that it has no event behind the end.
        if group == 1 || first + group > self.num_events { place } else { first + (place - first) * STRIDE % group }
    }

    /// The newest of the first `num_places` events.
    fn newest_before(&self, num_places: u64) -> Option<u64> {
        let group = self.group_start(num_places);
        (group..num_places).map(|place| self.event_at(place)).max().or(group.checked_sub(1))
    }

    /// How many events may leave before the next watermark, from `self.next` to `end`: one that is older than the
    /// watermark has to meet it.
    fn end_of_stretch(&mut self, end: u64) -> u64 {
        let Some(lag) = self.params.max_out_of_orderness else { return end };
        for place in self.next..end {
            let event = self.event_at(place);
            let watermark_us = self.newest.map(|newest| self.time_us(newest).saturating_sub(lag.as_micros()));
            if watermark_us > self.passed_on_us && Some(self.time_us(event)) < watermark_us {
                return place;
            }
            self.newest = self.newest.max(Some(event));
        }
        end
    }

    /// What is known of time when the events before `end` have left.
    fn watermark_us(&self, end: u64) -> Option<i64> {
        match self.params.max_out_of_orderness {
            Some(lag) => self.newest.map(|newest| self.time_us(newest).saturating_sub(lag.as_micros())),
            None => Some(self.time_us(self.group_start(end))),
        }
    }

    fn group_start(&self, place: u64) -> u64 {
        place - place % u64::from(self.params.out_of_order_group)
    }

    #[inline]
    fn time_us(&self, event: u64) -> i64 {
        self.start_us.saturating_add((event * 1_000_000 / self.params.rate).cast_signed())
    }

    fn times(&self, events: &[u64]) -> TimestampMicrosecondArray {
        TimestampMicrosecondArray::from_iter_values(events.iter().map(|event| self.time_us(*event))).with_timezone(UTC)
    }

    fn persons(&self, events: &[u64]) -> Result<RecordBatch, NodeError> {
        let text = |length: usize| StringBuilder::with_capacity(events.len(), events.len() * length);
        let extra_length = self.params.person_extra as usize;
        let (mut names, mut emails, mut cards) = (text(16), text(24), text(19));
        let (mut cities, mut states, mut extras) = (text(12), text(2), text(extra_length));
        // One piece of text for all rows.
        let mut written = String::new();
        for event in events {
            let mut draws = Draws::new(self.params.seed, *event);
            let (first, last) = (pick(&FIRST_NAMES, &mut draws), pick(&LAST_NAMES, &mut draws));
            let mut append = |builder: &mut StringBuilder, text: std::fmt::Arguments<'_>| {
                written.clear();
                written
                    .write_fmt(text)
                    .map(|()| builder.append_value(&written))
                    .expect("text can be written to memory");
            };
            append(&mut names, format_args!("{first} {last}"));
            append(&mut emails, format_args!("{first}.{last}@{:05}.com", draws.below(100_000)));
            let mut four = || draws.below(10_000);
            append(&mut cards, format_args!("{:04} {:04} {:04} {:04}", four(), four(), four(), four()));
            cities.append_value(pick(&CITIES, &mut draws));
            states.append_value(pick(&STATES, &mut draws));
            extras.append_value(self.words.extra(extra_length, &mut draws));
        }
        let ids = events.iter().map(|event| (FIRST_PERSON_ID + last_person(*event)).cast_signed());
        Ok(RecordBatch::try_new(
            Arc::clone(&self.schemas[0]),
            vec![
                Arc::new(Int64Array::from_iter_values(ids)),
                Arc::new(names.finish()),
                Arc::new(emails.finish()),
                Arc::new(cards.finish()),
                Arc::new(cities.finish()),
                Arc::new(states.finish()),
                Arc::new(self.times(events)),
                Arc::new(extras.finish()),
            ],
        )?)
    }

    fn auctions(&self, events: &[u64]) -> Result<RecordBatch, NodeError> {
        let text = |length: usize| StringBuilder::with_capacity(events.len(), events.len() * length);
        let whole = || Vec::<i64>::with_capacity(events.len());
        let extra_length = self.params.auction_extra as usize;
        let (mut items, mut descriptions, mut extras) = (text(10), text(22), text(extra_length));
        let (mut initial_bids, mut reserves, mut expires) = (whole(), whole(), whole());
        let (mut sellers, mut categories) = (whole(), whole());
        for event in events {
            let mut draws = Draws::new(self.params.seed, *event);
            sellers.push(self.site.seller(*event, &mut draws).cast_signed());
            categories.push(Site::category(&mut draws).cast_signed());
            let initial_bid = self.site.price(&mut draws);
            initial_bids.push(initial_bid.cast_signed());
            reserves.push((initial_bid + self.site.price(&mut draws)).cast_signed());
            let length_us = Site::auction_length_us(self.params.rate, &mut draws);
            expires.push(self.time_us(*event).saturating_add(length_us.cast_signed()));
            items.append_value(pick(&ITEMS, &mut draws));
            descriptions.append_value(pick(&DESCRIPTIONS, &mut draws));
            extras.append_value(self.words.extra(extra_length, &mut draws));
        }
        let ids = events.iter().map(|event| (FIRST_AUCTION_ID + last_auction(*event)).cast_signed());
        Ok(RecordBatch::try_new(
            Arc::clone(&self.schemas[1]),
            vec![
                Arc::new(Int64Array::from_iter_values(ids)),
                Arc::new(items.finish()),
                Arc::new(descriptions.finish()),
                Arc::new(Int64Array::from(initial_bids)),
                Arc::new(Int64Array::from(reserves)),
                Arc::new(self.times(events)),
                Arc::new(TimestampMicrosecondArray::from(expires).with_timezone(UTC)),
                Arc::new(Int64Array::from(sellers)),
                Arc::new(Int64Array::from(categories)),
                Arc::new(extras.finish()),
            ],
        )?)
    }

    /// The events at these places, each by its port.
    fn emit(&self, places: Range<u64>, out: &mut Output) -> Result<(), NodeError> {
        let num_events = (places.end - places.start) as usize;
        let (mut persons, mut auctions, mut bids) = (Vec::new(), Vec::new(), Vec::with_capacity(num_events));
        for event in places.map(|place| self.event_at(place)) {
            match kind_of(event) {
                EventKind::Person => persons.push(event),
                EventKind::Auction => auctions.push(event),
                EventKind::Bid => bids.push(event),
            }
        }
        out.emit(0, self.persons(&persons)?);
        out.emit(1, self.auctions(&auctions)?);
        out.emit(2, self.bids(&bids)?);
        Ok(())
    }

    fn bids(&self, events: &[u64]) -> Result<RecordBatch, NodeError> {
        let text = |length: usize| StringBuilder::with_capacity(events.len(), events.len() * length);
        let whole = || Vec::<i64>::with_capacity(events.len());
        let extra_length = self.params.bid_extra as usize;
        let (mut auctions, mut bidders, mut prices) = (whole(), whole(), whole());
        let (mut channels, mut urls, mut extras) = (text(12), text(72), text(extra_length));
        for event in events {
            let mut draws = Draws::new(self.params.seed, *event);
            auctions.push(self.site.bid_auction(*event, &mut draws).cast_signed());
            bidders.push(self.site.bidder(*event, &mut draws).cast_signed());
            prices.push(self.site.price(&mut draws).cast_signed());
            let (channel, url) = self.words.channel(&mut draws);
            channels.append_value(channel);
            urls.append_value(url);
            extras.append_value(self.words.extra(extra_length, &mut draws));
        }
        Ok(RecordBatch::try_new(
            Arc::clone(&self.schemas[2]),
            vec![
                Arc::new(Int64Array::from(auctions)),
                Arc::new(Int64Array::from(bidders)),
                Arc::new(Int64Array::from(prices)),
                Arc::new(channels.finish()),
                Arc::new(urls.finish()),
                Arc::new(self.times(events)),
                Arc::new(extras.finish()),
            ],
        )?)
    }
}

#[async_trait]
impl Source for Generator {
    async fn next(&mut self, cx: &mut SourceContext<'_>) -> Result<SourceEvent, NodeError> {
        if self.next >= self.num_events {
            return Ok(SourceEvent::End);
        }
        let end = self.next.saturating_add(cx.batch_size.max(1) as u64).min(self.num_events);
        while self.next < end {
            let stretch = self.end_of_stretch(end);
            self.emit(self.next..stretch, cx.output)?;
            self.next = stretch;
            let watermark_us = self.watermark_us(stretch);
            if let Some(advanced_us) = watermark_us.filter(|_| watermark_us > self.passed_on_us) {
                cx.output.watermark(advanced_us);
                self.passed_on_us = watermark_us;
            }
        }
        Ok(SourceEvent::More)
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        serde_json::to_vec(&SavedState { next: self.next })
            .map_err(|error| NodeError::internal("the state of the generator cannot be written").with_source(error))
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let state: SavedState = serde_json::from_slice(state)
            .map_err(|error| NodeError::internal("the state of the generator cannot be read").with_source(error))?;
        self.next = state.next;
        self.newest = self.newest_before(state.next);
        self.passed_on_us = None;
        Ok(())
    }
}
