//! The ways in which a provider fails.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

/// What is asked of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    Issue,
    List,
    Key,
    Delete,
    Send,
    Resend,
    Confirm,
    Verification,
    Business,
}

/// How it goes wrong. "Done" means that what was asked has its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Done after a while, then answered.
    Slow(Duration),
    /// Done at once, answered after a while.
    DoneSlow(Duration),
    /// The connection ends when the request is read.
    EndsUndone,
    /// Done, but the connection ends.
    DoneEnds,
    /// Done, but the connection ends in the middle of the answer.
    DoneHalf,
    /// The connection ends; done after a while.
    EndsDoneLate(Duration),
    /// Not done: this status and body, which is no documented error.
    Says(u16, &'static str),
    /// Done, but answered by this, as by a proxy that gave up.
    DoneSays(u16, &'static str),
    /// Not done: the payment company's refusal.
    Refuses,
}

/// Each way once, none of them slower than half a second.
pub fn every_quick_fault() -> Vec<Fault> {
    let while_ = Duration::from_millis(200);
    vec![
        Fault::Slow(while_),
        Fault::DoneSlow(while_),
        Fault::EndsUndone,
        Fault::DoneEnds,
        Fault::DoneHalf,
        Fault::EndsDoneLate(while_),
        Fault::Says(400, "{}"),
        Fault::Says(404, "<html>not here</html>"),
        Fault::Says(429, r#"{"type":"TOO_MANY_REQUESTS"}"#),
        Fault::Says(500, ""),
        Fault::Says(502, "<html>bad gateway</html>"),
        Fault::Says(503, r#"{"message":"maintenance"}"#),
        Fault::Says(200, "<html>maintenance</html>"),
        Fault::DoneSays(500, r#"{"type":"INTERNAL"}"#),
        Fault::DoneSays(502, ""),
        Fault::DoneSays(504, "<html>timed out</html>"),
        Fault::DoneSays(200, "{}"),
        Fault::DoneSays(200, "\u{0}\u{1}garbage"),
        Fault::Refuses,
    ]
}

/// What goes wrong next.
#[derive(Default)]
pub struct Plan {
    next: HashMap<Operation, VecDeque<Fault>>,
    rate: Option<Rate>,
    /// What struck, with how often.
    pub struck: HashMap<(Operation, String), usize>,
}

struct Rate {
    one_in: u64,
    faults: Vec<Fault>,
    random: u64,
    turn: usize,
}

impl Plan {
    pub fn add(&mut self, operation: Operation, fault: Fault) {
        self.next.entry(operation).or_default().push_back(fault);
    }

    /// One call in `one_in` fails, in each of these ways by turns.
    pub fn fail_one_in(&mut self, one_in: u64, faults: Vec<Fault>, seed: u64) {
        self.rate = Some(Rate {
            one_in,
            faults,
            random: seed | 1,
            turn: 0,
        });
    }

    pub fn heal(&mut self) {
        self.next.clear();
        self.rate = None;
    }

    pub fn take(&mut self, operation: Operation) -> Option<Fault> {
        let planned = self.next.get_mut(&operation).and_then(VecDeque::pop_front);
        let fault = planned.or_else(|| self.rate.as_mut().and_then(Rate::take))?;
        let name = format!("{fault:?}");
        *self.struck.entry((operation, name)).or_default() += 1;
        Some(fault)
    }
}

impl Rate {
    fn take(&mut self) -> Option<Fault> {
        // xorshift64
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        if !self.random.is_multiple_of(self.one_in) {
            return None;
        }
        self.turn += 1;
        Some(self.faults[self.turn % self.faults.len()].clone())
    }
}
