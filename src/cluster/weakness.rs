//! Rules that tests leave out, to prove that the simulated worlds notice.

/// Declares the rules, and lists of them.
macro_rules! weaknesses {
    ($($(#[$list_doc:meta])* $list:ident { $($(#[$doc:meta])* $name:ident,)* })*) => {
        /// A rule that is left out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Weakness { $($($(#[$doc])* $name,)*)* }

        #[cfg(test)]
        impl Weakness {
            $($(#[$list_doc])* pub const $list: &[Weakness] = &[$(Weakness::$name),*];)*
        }
    };
}

weaknesses! {
    /// Rules of the protocol among the nodes.
    PROTOCOL {
        /// Repeated entries are applied again.
        AppliesTwice,
        /// Entries that came before an earlier one of their node are applied.
        AppliesEarly,
        /// Entries of a buried incarnation are applied.
        AppliesDead,
        /// An incarnation is buried although it has spoken since.
        BuriesSpeaker,
        /// A Genesis counts whatever stands between it and its Hello.
        FoundsAnyway,
        /// A Hello does not end the incarnation before.
        KeepsGhosts,
        /// No Hello is answered.
        NeverAnswers,
        /// The changes between a Hello and its snapshot are dropped.
        DropsAfterHello,
        /// After its own end, a node takes all that it had sent for not said.
        ForgetsFate,
        /// Nothing is sent again.
        NeverResends,
        /// Missing entries are not noticed.
        IgnoresHoles,
        /// An older state of the engine is not noticed.
        IgnoresRestoredEngine,
        /// What was sent is refused like what waits.
        RefusesSent,
        /// A node that ends does not wait until its last changes are applied.
        LeavesAtOnce,
        /// A node that does not hear itself accuses others.
        AccusesBlindly,
        /// The time of the engine is taken as it is.
        TrustsTime,
    }
    /// Rules of the hub as the application of the protocol.
    APPLICATION {
        /// Proposals that are not applied do not come back to their sessions.
        ForgetsProposals,
        /// The names of sessions are not claimed again.
        NeverClaimsAgain,
        /// The ends of sessions are not proposed.
        LosesLeaves,
        /// Messages get the next id that this node has.
        CountsIds,
    }
    /// Rules of the bucket beside the log.
    BUCKET {
        /// A value that the engine has not taken is not put again.
        PutsOnce,
    }
}

/// The rule that is left out in a test; nothing in the program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weakened {
    #[cfg(test)]
    pub weakness: Option<Weakness>,
}

impl Weakened {
    /// Whether this rule is left out.
    #[inline]
    pub fn is(self, weakness: Weakness) -> bool {
        #[cfg(test)]
        return self.weakness == Some(weakness);
        #[cfg(not(test))]
        {
            let _ = weakness;
            false
        }
    }
}
