#include "http/h1/writer.h"

#include "base/check.h"
#include "http/fields.h"

namespace portico::http::h1 {
namespace {

void put_two_digits(char* out, unsigned n) {
    out[0] = static_cast<char>('0' + n / 10);
    out[1] = static_cast<char>('0' + n % 10);
}

}  // namespace

#ifndef NDEBUG
void Output::check_field(std::string_view name, std::string_view value) {
    PORTICO_CHECK(is_token(name));
    PORTICO_CHECK(is_field_value(value));
}
#endif

void Output::put_decimal(uint64_t n) {
    char digits[20];
    char* at = digits + sizeof digits;
    for (; n >= 100; n /= 100) put_two_digits(at -= 2, static_cast<unsigned>(n % 100));
    if (n >= 10) put_two_digits(at -= 2, static_cast<unsigned>(n));
    else *--at = static_cast<char>('0' + n);
    put(std::string_view(at, static_cast<size_t>(digits + sizeof digits - at)));
}

void Output::status_line(int status, std::string_view reason) {
    const auto code = static_cast<unsigned>(status);
    char begin[] = "HTTP/1.1 000 ";
    begin[9] = static_cast<char>('0' + code / 100);
    put_two_digits(begin + 10, code % 100);
    put(std::string_view(begin, sizeof begin - 1));
    put(reason.empty() ? reason_of(status) : reason);
    put("\r\n");
}

void Output::request_line(std::string_view method, std::string_view target) {
    put(method);
    put(' ');
    put(target);
    put(" HTTP/1.1\r\n");
}

char* write_chunk_header(char* data, uint64_t size) {
    static constexpr char kHex[] = "0123456789abcdef";
    *--data = '\n';
    *--data = '\r';
    do {
        *--data = kHex[size & 15];
        size >>= 4;
    } while (size != 0);
    return data;
}

void write_date(int64_t unix_seconds, char* out) {
    static constexpr char kDays[] = "ThuFriSatSunMonTueWed";  // 1 January 1970 was a Thursday
    static constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t days = unix_seconds / 86400;
    int64_t second = unix_seconds % 86400;
    if (second < 0) {
        second += 86400;
        --days;
    }
    // Days to date in the proleptic Gregorian calendar, counted in eras of 400 years that begin on 1 March.
    const int64_t z = days + 719468;
    const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    const int64_t day_of_era = z - era * 146097;
    const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t shifted_month = (5 * day_of_year + 2) / 153;
    const int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);

    const int64_t weekday = ((days % 7) + 7) % 7;
    __builtin_memcpy(out, kDays + weekday * 3, 3);
    out[3] = ',';
    out[4] = out[7] = out[11] = out[16] = out[25] = ' ';
    put_two_digits(out + 5, static_cast<unsigned>(day));
    __builtin_memcpy(out + 8, kMonths + (month - 1) * 3, 3);
    put_two_digits(out + 12, static_cast<unsigned>(year / 100 % 100));
    put_two_digits(out + 14, static_cast<unsigned>(year % 100));
    put_two_digits(out + 17, static_cast<unsigned>(second / 3600));
    put_two_digits(out + 20, static_cast<unsigned>(second / 60 % 60));
    put_two_digits(out + 23, static_cast<unsigned>(second % 60));
    out[19] = out[22] = ':';
    __builtin_memcpy(out + 26, "GMT", 3);
}

}  // namespace portico::http::h1
