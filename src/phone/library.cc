// library.cc - libphonenumber behind a C door. It does not throw; out of memory ends the program, as everywhere.
// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>

#include <phonenumbers/phonenumberutil.h>

#include "phone/library.h"

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

static const char *kind_of(PhoneNumberUtil::PhoneNumberType type) {
    switch (type) {
    case PhoneNumberUtil::FIXED_LINE:
        return "landline";
    case PhoneNumberUtil::MOBILE:
        return "mobile";
    case PhoneNumberUtil::FIXED_LINE_OR_MOBILE:
        return "mobile-or-landline";
    case PhoneNumberUtil::TOLL_FREE:
        return "toll-free";
    case PhoneNumberUtil::PREMIUM_RATE:
        return "premium";
    case PhoneNumberUtil::SHARED_COST:
        return "shared-cost";
    case PhoneNumberUtil::VOIP:
        return "voip";
    case PhoneNumberUtil::UNKNOWN:
        return "unknown";
    default:
        return "other";
    }
}

static phone_library_fault fault_of(PhoneNumberUtil::ErrorType error) {
    switch (error) {
    case PhoneNumberUtil::INVALID_COUNTRY_CODE_ERROR:
        return PHONE_LIBRARY_NO_COUNTRY;
    case PhoneNumberUtil::TOO_SHORT_AFTER_IDD:
    case PhoneNumberUtil::TOO_SHORT_NSN:
        return PHONE_LIBRARY_TOO_SHORT;
    case PhoneNumberUtil::TOO_LONG_NSN:
        return PHONE_LIBRARY_TOO_LONG;
    default:
        return PHONE_LIBRARY_NO_NUMBER;
    }
}

// Why a number that could be parsed is none.
static phone_library_fault length_of(const PhoneNumberUtil &util, const PhoneNumber &number) {
    switch (util.IsPossibleNumberWithReason(number)) {
    case PhoneNumberUtil::TOO_SHORT:
    case PhoneNumberUtil::IS_POSSIBLE_LOCAL_ONLY: // its area code is missing
        return PHONE_LIBRARY_TOO_SHORT;
    case PhoneNumberUtil::TOO_LONG:
        return PHONE_LIBRARY_TOO_LONG;
    case PhoneNumberUtil::INVALID_COUNTRY_CODE:
        return PHONE_LIBRARY_NO_COUNTRY;
    default:
        return PHONE_LIBRARY_INVALID;
    }
}

void phone_library_read(const char *typed, unsigned long n, const char *region,
                        struct phone_library_answer *ret) {
    const PhoneNumberUtil &util = *PhoneNumberUtil::GetInstance();
    PhoneNumber number;
    std::string digits;

    std::memset(ret, 0, sizeof(*ret));
    ret->kind = "unknown";
    ret->fault = fault_of(util.Parse(std::string(typed, n), region, &number));
    if (!number.has_national_number() || !number.has_country_code())
        return;
    ret->country = static_cast<unsigned>(number.country_code());
    util.Format(number, PhoneNumberUtil::E164, &digits);
    if (digits.size() < 2 || digits.size() > sizeof(ret->digits)) {
        ret->fault = PHONE_LIBRARY_TOO_LONG;
        return;
    }
    std::memcpy(ret->digits, digits.data() + 1, digits.size() - 1); // without the '+'
    if (!util.IsValidNumber(number)) {
        ret->fault = length_of(util, number);
        return;
    }
    ret->fault = PHONE_LIBRARY_OK;
    ret->kind = kind_of(util.GetNumberType(number));
}

bool phone_library_is_in(const char *digits, unsigned long n, const char *region) {
    const PhoneNumberUtil &util = *PhoneNumberUtil::GetInstance();
    PhoneNumber number;
    std::string found;

    if (util.Parse("+" + std::string(digits, n), "ZZ", &number) != PhoneNumberUtil::NO_PARSING_ERROR)
        return false;
    util.GetRegionCodeForNumber(number, &found);
    return found == region;
}
