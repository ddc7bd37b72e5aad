# Support preview

nav-support = Groups
support-title = Find a billing group
support-intro = Look for a group, an organization or an external id. Every view is recorded.
support-search = Group, organization or external id
support-none = Nothing matches. Look for a part of the name or the whole id.
support-more = Only the first { $n } are shown. Write more of the name.
support-organization = Organization
support-group = Billing group
support-banner = Support preview
support-banner-body = You see { $g } as its administrators do. Read only; this view is recorded.
support-leave = Leave preview
support-sub =
    { $n ->
        [one] { $organization }, { $member } member, { $n } billing group
       *[other] { $organization }, { $member } member, { $n } billing groups
    }
member-business = business
member-unknown = unknown
support-means = What it means now
support-effect = Effect
support-effect-restricted = Service use is restricted. Sub-billing groups cannot be created.
support-effect-late-fee = Late fees may apply from { $date }.
support-effect-key-deleted = The automatic payment on { $date } will fail: the card’s billing key was deleted at the payment provider.
support-effect-charge-failed = The last automatic payment failed.
support-effect-none = None
support-method = Payment method
support-who = Who can fix it
support-who-list =
    { $n ->
        [one] { $n } billing administrator: { $list }
       *[other] { $n } billing administrators: { $list }
    }
support-who-none = Nobody: no billing administrator reaches this group
support-account = Dedicated account
support-account-none = No application
support-account-review = In review since { $date }
support-account-used = In use
support-say = Say to the customer
support-attempts = Last registration attempts
support-attempts-none = None yet
support-as-customer = As the customer sees it
support-attempt-debit = Card refused: debit card
support-attempt-prepaid_or_gift = Card refused: prepaid or gift card
support-attempt-not_corporate = Card refused: not a corporate card
support-attempt-declined = Card refused by the card company
support-attempt-unknown_number = Card refused: no such number
support-attempt-wrong_expiry = Card refused: wrong expiry date
support-attempt-wrong_holder = Card refused: not in the verified name
support-attempt-blocked = Card refused: suspended or lost
support-attempt-too_many_tries = Card refused: too many tries at the card company
support-attempt-unsupported = Card refused: not for automatic payment
support-attempt-kind_untold = Card refused: credit or not is not told
support-attempt-provider = Request refused by the payment provider: ask the operator to run check-config --online
support-attempt-expired_card = Card refused: expired
support-attempt-wrong_password = Card refused: wrong password
support-attempt-not_sent = Card company not reached
support-attempt-calling = Being confirmed
support-attempt-case = No answer from the card company for over 10 minutes. Ask the payment provider with the reference
support-attempt-committed = Registered
support-attempt-compensated = Undone: the group had changed
support-run-open = In progress at step { $n }
support-run-left = Left at step { $n }
support-run-cancelled = Cancelled at step { $n }
support-run-code-locked = All tries of the phone code used
support-say-debit = The card you tried is a debit card. Only credit cards can be registered. Try again with a credit card.
support-say-prepaid_or_gift = The card you tried is a prepaid or gift card. Only credit cards can be registered.
support-say-not_corporate = The card you tried is not a corporate card. Choose “Personal or named corporate card” and try again.
support-say-declined = The card company refused the card. Ask it for the reason, or use another credit card.
support-say-unknown_number = The card company knows no card with the number you entered. Check the number and try again.
support-say-wrong_expiry = The expiry date you entered is not the one on the card. Check it and try again.
support-say-wrong_holder = The card is not in the name that was verified. Use a card of the verified person or business.
support-say-blocked = The card company has suspended the card or has it as lost. Ask it, or use another credit card.
support-say-too_many_tries = The card company takes no more tries with this card today. Use another credit card, or try again tomorrow.
support-say-unsupported = Cards of this kind cannot be used for automatic payment. Use another credit card.
support-say-kind_untold = The card company does not say whether it is a credit card. Use another credit card.
support-say-provider = The payment provider did not accept our request. Your card is not the reason. We are looking into it.
support-say-expired_card = The card has expired. Use another credit card.
support-say-wrong_password = The first two digits of the card password were not correct. Try again.
support-say-not_sent = We could not reach the card company. Nothing was sent. Try again.
support-say-case = The card company has not answered yet. Your current payment method is unchanged, and we are looking into it with the payment provider.
support-say-calling = Your registration is being confirmed. You do not need to register again.
support-say-restricted = This group has no payment method, so service use is restricted. A billing administrator can register one on the Payment methods page.
support-say-late-fee = This group has no payment method. A billing administrator can register one before { $date } to avoid late fees.
support-say-key-deleted = The card can no longer be charged: its registration at the payment provider was deleted. A billing administrator can change the payment method.
support-say-failed = The last automatic payment failed. A billing administrator can change the payment method.
support-say-expired = The card has expired. A billing administrator can change the payment method.
support-say-expiring = The card expires soon. A billing administrator can change the payment method now.
support-say-review = The application for a dedicated account is in review. The current payment method stays in use.
support-say-fine = The payment method is in order. Nothing needs to be done.
support-start = Search to see a group’s status as its administrator sees it, and what to say.
support-as-customer-body = The banner and the row, without buttons.
