"""Names behind codes, as the console's English catalog has them."""

BRANDS = {"visa": "VISA", "mastercard": "MC", "amex": "AMEX", "jcb": "JCB", "unionpay": "UPAY", "diners": "DC"}

BANKS = {
    "woori": "Woori Bank",
    "shinhan": "Shinhan Bank",
    "kb": "KB Kookmin Bank",
    "hana": "Hana Bank",
    "nh": "NH NongHyup Bank",
    "ibk": "IBK",
}

ISSUERS = {
    "amex": "American Express",
    "bc": "BC",
    "busan": "BNK Busan Bank",
    "citi": "Citi",
    "daegu": "iM Bank",
    "diners": "Diners Club",
    "discover": "Discover",
    "gwangju": "Gwangju",
    "hana": "Hana",
    "hyundai": "Hyundai",
    "ibk": "IBK",
    "jcb": "JCB",
    "jeju": "Jeju",
    "jeonbuk": "Jeonbuk",
    "kakaobank": "KakaoBank",
    "kb": "KB Kookmin",
    "kbank": "K bank",
    "kdb": "KDB",
    "kyongnam": "BNK Kyongnam Bank",
    "lotte": "Lotte",
    "mastercard": "Mastercard",
    "nh": "NH NongHyup",
    "post": "Korea Post",
    "saemaul": "MG Saemaul",
    "samsung": "Samsung",
    "savings": "Savings bank",
    "sc": "SC First Bank",
    "shinhan": "Shinhan",
    "shinhyup": "Shinhyup",
    "suhyup": "Suhyup",
    "tossbank": "Toss Bank",
    "unionpay": "UnionPay",
    "visa": "Visa",
    "woori": "Woori",
}
