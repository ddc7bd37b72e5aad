# The Payment method tab

nav-payment-methods = Payment methods
pm-title = Payment methods
pm-intro = Credit cards are charged on the 10th of each month. Dedicated accounts are paid by the invoice deadline.
pm-caption = Billing groups you can manage ({ $n })
pm-need =
    { $n ->
        [one] { $n } needs registration
       *[other] { $n } need registration
    }
pm-justnow = Registered just now
col-class = Billing group classification
col-name = Billing group name
col-method = Payment method
col-info = Payment information
col-modified = Last modified date
col-settings = Payment method settings
class-main = Main
class-sub = Sub
tag-required = Registration required
tag-review = In review
tag-expiring = Expires soon
tag-expired = Expired
tag-failed = Payment failed
tag-key-deleted = Cannot be charged
method-card = Credit card
method-account = Dedicated account
chip-domestic = KR
btn-register = Register payment method
btn-change = Change payment method
btn-for = for { $g }
fact-next-charge = Next automatic payment
fact-next-charge-sub =
    { $n ->
        [one] { $n } group by credit card
       *[other] { $n } groups by credit card
    }
fact-next-invoice = Next tax invoice
fact-next-invoice-sub =
    { $n ->
        [one] { $n } group by dedicated account
       *[other] { $n } groups by dedicated account
    }
fact-required = Registration required
fact-required-of = { $n } of { $total }
fact-required-all = None
owner-personal = personal
owner-corporate = corporate
info-card = { $issuer } { $owner } ···· { $digits }
info-account = { $bank } ···· { $digits }
card-expires = Expires { $date }
account-pay-by = Pay by { $date }
find-label = Find a group
find-submit = Find
find-clear = Show all groups
export-csv = Export CSV
filter-all = All
filter-required = Registration required
nomatch-title = No group matches
nomatch-body = Look for a part of the group’s name, or show all groups.
page-prev = Previous
page-next = Next page
page-of = Page { $page } of { $pages }
paging-label = Pages
banner-main-title = Service use is restricted
banner-main-body = The main billing group “{ $g }” has no payment method. Register one to start using services.
banner-charge-failed-title = The last automatic payment of { $g } failed
banner-key-deleted-title = The card of { $g } can no longer be charged
banner-failed-title-many = { $n } billing groups have a payment method that does not pay
banner-failed-body = Change the payment method of { $g } before { $date }. Until then its invoice stays unpaid, and late fees may apply.
banner-failed-body-many = Change the payment method of each before { $date }: { $groups }. Until then their invoices stay unpaid, and late fees may apply.
banner-sub-title = { $g } has no payment method
banner-sub-body = Register one for { $g } before { $date } to avoid late fees.
banner-sub-title-many =
    { $n ->
        [one] { $n } group has no payment method
       *[other] { $n } groups have no payment method
    }
banner-sub-body-many = Register one for each before { $date } to avoid late fees: { $groups }
names-and-more = { $names } and { $n } more
how-title = How each payment method is paid
how-method = Payment method
how-when = Payment date
how-proof = Proof of payment
how-who = For whom
how-card-when = Charged automatically on the 10th of each month
how-card-proof = Sales slip
how-card-who = Business members. A personal or named corporate card is verified by mobile phone, an anonymous corporate card by business registration number.
how-account-when = Deposit by the invoice deadline, the end of the month
how-account-proof = Tax invoice, issued on the 15th of each month
how-account-who = Business members. Applied for through Helpdesk, without verification.
bank-woori = Woori Bank
bank-shinhan = Shinhan Bank
bank-kb = KB Kookmin Bank
bank-hana = Hana Bank
bank-nh = NH NongHyup Bank
bank-ibk = IBK
