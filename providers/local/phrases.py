"""What mail says, by theme: each phrase is evidence for one category, in points.

The spam themes were chosen on the develop half of a public corpus (`docs/local.md`) and then kept
to phrases that mean the same anywhere; names of companies, lists and products were left out. `#`
stands for any number. Words are matched as whole words, in order, in lower case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    category: str  # or "ham": evidence against spam
    points: float  # for the first phrase; each further one counts half of the one before
    reason: str
    in_subject: float  # the first phrase in the subject counts this much more often
    phrases: tuple[tuple[str, ...], ...]


def _theme(
    category: str, points: float, reason: str, phrases: str, *, in_subject: float = 1.5
) -> Theme:
    split = tuple(tuple(phrase.split()) for phrase in phrases.split(",") if phrase.strip())
    return Theme(category, points, reason, in_subject, split)


THEMES = (
    _theme(
        "spam", 1.7, "removal talk of bulk senders",
        "be removed from, removed from our, removed from future, removed from this mailing, "
        "wish to be removed, like to be removed, remove in the subject, with remove in, subject "
        "remove, word remove, further mailings, future mailings, our mailings, for removal, "
        "removal instructions, not wish to receive, not want to receive, opt in list, opted in, "
        "opt out list, unsolicited, this is not spam, not spam, one time mailing, one time "
        "email, in compliance with, s # section, was obtained from, our database, remove "
        "yourself, to remove your, to be taken off, remove your email, remove me, your email "
        "address was, we apologize, received this email in error, received this message in "
        "error, removed instructions, you will not receive any further, receive special offers, "
        "one of our partners, our opt in",
    ),
    _theme(
        "spam", 1.8, "promises of easy money",
        "make money, earn money, extra income, work from home, work working from home, "
        "financial freedom, financially independent, own boss, get paid, no experience, home "
        "based business, home business, business opportunity, multi level, mlm, income "
        "opportunity, unlimited income, get rich, money making, quit your job, residual income, "
        "cash bonus, fortune, a week from home, passive income, profitable, potential earnings, "
        "earnings potential, earn up to, earn #, dollars in, cash flow, tax free, offshore, per "
        "week, this business, network marketing, investors, stock pick, hot stock, otc, penny "
        "stock, this stock, trading alert, pay off, wealth, millionaire, legal and, this is "
        "legal, reports, upgrade your lifestyle, time freedom",
    ),
    _theme(
        "spam", 1.7, "offers of credit or insurance",
        "mortgage, mortgage rates, refinance, second mortgage, bad credit, credit repair, debt "
        "consolidation, consolidate your, lenders, home loan, home loans, no credit check, pre "
        "approved, preapproved, loan approval, life insurance, free quote, get out of debt, out "
        "of debt, lower your monthly, unsecured credit, credit card debt, merchant account, "
        "accept credit cards, interest rates, lowest rates, low rates, student loans, term "
        "life, annuity, homeowner, homeowners, payday loan, credit rating, extended warranty, "
        "auto warranty, insurance quotes, cash advance",
    ),
    _theme(
        "spam", 2.2, "miracle cures and pills",
        "lose weight, weight loss, viagra, cialis, levitra, hgh, growth hormone, body fat, anti "
        "aging, wrinkle, wrinkles, herbal, penis, enlargement, penile, online pharmacy, no "
        "prescription, without prescription, prescription drugs, diet pills, erectile, burn "
        "fat, libido, all natural, sexual, xanax, phentermine, valium, diet, impotence, energy "
        "level, look younger, hair loss, fat loss, stop smoking, testosterone, muscle, breast",
    ),
    _theme(
        "spam", 2.4, "adult content",
        "xxx, porn, adult site, hot girls, live girls, nude, naked, horny, must be #, sluts, "
        "over # years, teens, singles, webcam, orgy, hardcore, adults only, adult "
        "entertainment, pussy, fuck, fucking, cum, hot teens, meet singles, dating, cheating "
        "wives, amateur, lolita, explicit",
    ),
    _theme(
        "spam", 1.8, "the tale of a fortune to be transferred",
        "next of kin, nigeria, nigerian, late president, beneficiary, foreign partner, business "
        "proposal, strictly confidential, utmost confidence, confidential business, bank "
        "account number, united states dollars, us dollars, u s dollars, million dollars, "
        "million usd, barrister, inheritance, lottery, winning number, winning numbers, claim "
        "your prize, you have won, you've won, a winner, lucky winner, the sum of, god bless, "
        "dear sir, your assistance, this transaction, foreign account, sierra leone, the late, "
        "modalities, percent of the, risk free transaction, assist me, compensation fund, "
        "western union, atm card, donate, my late husband",
    ),
    _theme(
        "spam",
        0.9,
        "pressure to act",
        "click here, click below, act now, order now, call now, order today, call today, "
        "limited time, limited offer, offer expires, don't miss, don't delay, hurry, apply now, "
        "buy now, while supplies last, sign up now, see for yourself, act fast, go here, enter "
        "now, click the link, click on the link, link below, try it, reply now, call us, visit "
        "our, take advantage, join now, sign up today, form below, fill out, fill in, order "
        "form, print this, limited number, today only, once in a lifetime, this is your chance, "
        "what are you waiting for",
    ),
    _theme(
        "spam", 1.0, "free gifts and guarantees",
        "# free, absolutely free, free trial, free gift, free sample, no obligation, no cost, "
        "risk free, no risk, money back, satisfaction guaranteed, guaranteed, guarantee, toll "
        "free, free info, free information, free report, special offer, special promotion, "
        "special price, lowest price, lowest prices, best price, save up to, save #, # off, "
        "bargain, bargains, low as, as seen on, free bonus, bonus, totally free, completely "
        "free, free shipping, free consultation, unlimited, why pay, for only, retail price, "
        "free vacation, gift card, free membership, your free, get free, free access, free cd, "
        "free software, free cell, free dvd, free satellite, amazing, incredible, lifetime, "
        "unbelievable, wholesale, clearance, half price, best deals",
    ),
    _theme(
        "spam", 2.0, "wares of bulk mailers",
        "bulk email, bulk e mail, email lists, email addresses, e mail addresses, targeted "
        "email, email marketing, direct email, mass mailing, search engines, search engine, "
        "email advertising, opt in email, web traffic, millions of people, bulk mail, "
        "university diploma, university diplomas, non accredited, cable descrambler, "
        "descrambler, ink cartridges, toner cartridges, toner, inkjet, cable tv, satellite tv, "
        "long distance, detective, find out anything, copy dvd, copy dvds, rolex, replica, "
        "casino, online casino, poker, grants, government grants, domain names, seo services, "
        "first page of google, guest post, backlinks, web design services",
    ),
    _theme(
        "spam", 2.2, "the wording of phishing",
        "verify your account, verify your identity, confirm your identity, confirm your "
        "account, account has been suspended, account will be suspended, account has been "
        "limited, account is limited, update your billing, update your payment details, update "
        "your account, password will expire, password expires, mailbox is full, mailbox quota, "
        "storage quota, your account will be closed, avoid suspension, your account has been "
        "locked, click the link below to verify, restore access, validate your, parcel is "
        "waiting, delivery attempt failed, unpaid customs, confirm your shipping address, "
        "outstanding refund, tax refund, login attempt was blocked, account deactivation",
    ),
    _theme(
        "spam", 2.0, "promises of sure investments",
        "double your bitcoin, crypto investment, guaranteed returns, guaranteed profit, "
        "investment opportunity, trading platform, bitcoin wallet, crypto wallet, seed phrase, "
        "investment, guaranteed income, high returns, return on investment, forex, recorded "
        "you, i have your password, pay in bitcoin, send bitcoin",
    ),
    _theme(
        "spam", 1.0, "an address to nobody in particular",
        "dear friend, dear sir, dear sir or madam, dear sir madam, dear customer, dear user, "
        "dear homeowner, dear email user, dear member, dear winner, dear beneficiary, dear "
        "account holder, dear valued customer, hello friend, attn, dear candidate, dear "
        "business owner, dear subscriber, dear reader, dear future, greetings, good day, dear "
        "consumer, dear web",
    ),
    _theme(
        "spam", 0.8, "the small print of selling",
        "city state, home phone, best time to call, credit card number, expiration date, money "
        "order, mastercard, allow # days, allow # weeks, # per month, per month, 1 800, 1 888, "
        "1 877, # 95, # 99, testimonials, shipping and handling, order by, satisfied, million "
        "people, thousands of, hundreds of, # days, # hours, minutes a day, # million, # 000, "
        "confidentiality, consultation, qualify, approved",
    ),
    _theme(
        "ham",
        1.2,
        "the tone of a conversation",
        "i think, i'm, i've, i don't, i guess, i was, i had, i'd, i didn't, imho, btw, afaik, "
        "iirc, cheers, thanks for, i can't, i'll, i suppose, i tried, as you said, he said, she "
        "said, anyone, has anyone, does anyone, any ideas, i wonder, i noticed, i agree, i "
        "would, i could, i believe, maybe, actually, though, didn't, wasn't, doesn't, isn't, "
        "attached is, please find attached, as discussed, following up, i have a question",
    ),
    _theme(
        "ham", 0.9, "talk of shared work",
        "patch, bug, compile, kernel, cvs, repository, git, pull request, the code, commit, "
        "stack trace, config, configure, script, debug, the team, our team, the project, the "
        "client, meeting notes, minutes, release, draft, the report, ticket, tests, deploy, "
        "version #, spec, api, server, package, mailing list, faq, perl, python, linux",
    ),
    _theme(
        "newsletter", 1.5, "the wording of a newsletter",
        "unsubscribe, newsletter, view in browser, in your browser, read online, read it "
        "online, manage preferences, update your preferences, email preferences, subscription "
        "preferences, manage your subscription, manage your subscriptions, in this issue, this "
        "week's, this week in, today's headlines, headlines, weekly update, digest, read more, "
        "full story, to subscribe, subscribed to, you subscribed, you signed up, you are "
        "subscribed, you're subscribed, your daily, you are receiving this email because, you "
        "are receiving this because, receiving this newsletter, privacy policy, forward this, "
        "all rights reserved, top stories, latest news, press release, editor, editorial, "
        "advertise, sponsored by, sponsor, our blog, new on the blog, subscribers, back issues, "
        "weekly, daily news, edition, tip of the day, change your subscription, announcing, "
        "special offers, webinar, what's new, issue #, copyright",
    ),
    _theme(
        "receipt", 1.9, "the wording of a receipt",
        "order confirmation, your order, order number, order #, invoice, invoice number, "
        "receipt, payment received, payment has been received, thank you for your order, thank "
        "you for your purchase, thanks for your order, has shipped, have shipped, been shipped, "
        "tracking number, shipping confirmation, your payment, amount due, subtotal, grand "
        "total, order total, total amount, billing address, transaction id, booking "
        "confirmation, itinerary, e ticket, your reservation, confirmation number, booking "
        "reference, amount charged, was charged, been charged, your purchase, payment method, "
        "paid with, order details, order summary, item total, shipping address, estimated "
        "delivery, out for delivery, refund, your booking, auto renew, your bill, statement is "
        "ready, direct debit, account statement, payment confirmation, your registration, "
        "registration confirmation, thank you for registering, been delivered",
    ),
    _theme(
        "meeting", 1.7, "talk of a meeting",
        "meeting, invitation, meeting agenda, agenda for, are you free, you free on, daily "
        "standup, reschedule, rescheduled, are you available, can we meet, let's meet, could we "
        "meet, meet up, schedule a call, set up a call, conference call, zoom, teams meeting, "
        "google meet, join the call, join the meeting, what time works, what time suits, free "
        "on, calendar invite, calendar, a quick call, a call on, catch up on, lunch on, lunch at, "
        "lunch today, coffee "
        "on, appointment, meeting room, kick off, kickoff, invited, invited you, rsvp, video "
        "call, move our, postpone, postponed, meeting on, meet on, meet at, meet for, minutes "
        "of, talk on, one on one, interview, demo on, webex",
    ),
    _theme(
        "action",
        2.0,
        "a clear request",
        "please review, please send, i need you to, need you to, action required, please "
        "confirm, please sign, please approve, your approval, approval needed, need your, "
        "waiting for your, awaiting your, please respond, please reply, please check, please "
        "update, please complete, please provide, please submit, please fix, please take a "
        "look, please forward, please make sure, requires your, assigned to you, review "
        "requested, requested your review, don't forget to, please remember, please call, "
        "please add, please contact, please fill, please return, please pay, your decision, "
        "sign off, please prepare, please finish",
        in_subject=1.6,
    ),
    _theme(
        "action",
        1.2,
        "a request",
        "could you, can you, would you, will you, please let me know, let me know, deadline, "
        "due date, due by, your feedback, your input, your comments, please advise, please "
        "help, by monday, by tuesday, by wednesday, by thursday, by friday, by tomorrow, before "
        "friday, before monday, reminder, follow up, following up, your response, todo, take a "
        "look, have a look, any chance, any update, get back to me",
        in_subject=1.6,
    ),
    _theme(
        "urgent", 2.4, "words of urgency",
        "urgent, urgently, asap, as soon as possible, emergency, right away, immediate "
        "attention, immediate action, outage, is down, are down, went down, production down, by "
        "end of day, by eod, by end of business, by cob, end of the day, time sensitive, sev #, "
        "sev1, p1, p0, final notice, past due, overdue, needs fixing now, due today, today at "
        "the latest, critical issue, critical critical alert, data loss, security breach, "
        "incident, last warning, before noon, within the hour, by noon, by tonight, blocking "
        "us, blocker, need this today, this morning at the latest, expires today, drop "
        "everything",
        in_subject=1.6,
    ),
    _theme(
        "personal", 1.5, "words among friends and family",
        "mum, mom, dad, grandma, grandpa, birthday, dinner, love you, the kids, weekend, miss "
        "you, how are you, how've you been, see you soon, see you, happy birthday, hugs, xo, "
        "xoxo, lots of love, holiday photos, photos of, your mother, your father, my wife, my "
        "husband, my girlfriend, my boyfriend, my brother, my sister, long time no see, hope "
        "you're well, hope all is well, hope you are well, take care, congratulations on, "
        "congrats, wedding, pub, drinks, come over, good to see you, thinking of you, get well, "
        "merry christmas, happy new year, our house, the party, my mother, my father, my son, "
        "my daughter, catch up, old friend, at home, haha, lol",
    ),
)  # fmt: skip


class Finder:
    """Finds the phrases of all themes in one pass over the words."""

    def __init__(self, themes: Sequence[Theme]) -> None:
        # By their first two words, since many begin with the same one (“please …”).
        self._by_start: dict[tuple[str, str], list[tuple[tuple[str, ...], int]]] = {}
        self._single: dict[str, list[tuple[str, int]]] = {}
        for number, theme in enumerate(themes):
            for phrase in theme.phrases:
                if len(phrase) == 1:
                    self._single.setdefault(phrase[0], []).append((phrase[0], number))
                else:
                    start = (phrase[0], phrase[1])
                    self._by_start.setdefault(start, []).append((phrase, number))

    def find(self, words: Sequence[str]) -> Iterator[tuple[int, str, str]]:
        """Yield theme, phrase and the words that are there, for every place where one stands."""
        kinds = ["#" if word.isdigit() else word for word in words]
        for at, (word, kind) in enumerate(zip(words, kinds, strict=True)):
            for name, theme in self._single.get(word, ()):
                yield theme, name, word
            if at + 1 == len(words):
                return
            for start in {(kind, kinds[at + 1]), (kind, words[at + 1]), (word, words[at + 1])}:
                for phrase, theme in self._by_start.get(start, ()):
                    if len(phrase) == 2 or _continues(phrase, words, kinds, at):
                        yield theme, " ".join(phrase), " ".join(words[at : at + len(phrase)])


def _continues(
    phrase: tuple[str, ...], words: Sequence[str], kinds: Sequence[str], at: int
) -> bool:
    if at + len(phrase) > len(words):
        return False
    return all(
        phrase[ahead] in {words[at + ahead], kinds[at + ahead]} for ahead in range(2, len(phrase))
    )
