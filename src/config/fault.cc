#include "config/fault.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "config/concealed.h"
#include "config/lines.h"
#include "config/scalar.h"
#include "json/writer.h"

namespace portico::config {
namespace {

constexpr size_t kWindow = 160;
// Of each severity: more at once is read by nobody.
constexpr size_t kMostShown = 100;

// Bytes of `line` before the code point of a 1-based column.
size_t byte_of(std::string_view line, uint32_t column) {
    size_t at = 0;
    uint32_t c = 1;
    // A line may be a megabyte: eight characters of ASCII at a time.
    for (uint64_t eight = 0; c + sizeof eight <= column && at + sizeof eight <= line.size(); at += sizeof eight, c += sizeof eight) {
        std::memcpy(&eight, line.data() + at, sizeof eight);
        if ((eight & 0x8080808080808080) != 0) break;
    }
    for (; c < column && at < line.size(); ++c) {
        ++at;
        while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xc0) == 0x80) ++at;
    }
    return at;
}

// A line of the file, each character of its secrets an asterisk.
std::string without_secrets(const FaultList& faults, std::span<const std::string_view> lines, uint32_t number) {
    std::string out = faults.unread() ? without_written_secrets(lines, number) : std::string(lines[number - 1]);
    for (const FaultList::Secret& secret : faults.secrets()) {
        if (number < secret.line || number > secret.end_line) continue;
        const size_t indent = std::min(out.find_first_not_of(' '), out.size());
        const size_t from = number == secret.line ? byte_of(out, secret.column) : indent;
        const size_t to = number == secret.end_line ? byte_of(out, secret.end_column) : out.size();
        if (to <= from) continue;
        out.replace(from, to - from, asterisks_but_names(std::string_view(out).substr(from, to - from)));
    }
    return without_passwords(out);
}

void show_line(std::string& out, std::string_view line, const Mark& mark) {
    const std::string number = std::to_string(mark.line);
    const std::string gutter(std::max<size_t>(6, number.size()), ' ');
    uint32_t first = 1;
    if (line.size() > kWindow && mark.column > kWindow / 2) first = mark.column - static_cast<uint32_t>(kWindow / 2);
    const size_t from = byte_of(line, first);
    const size_t to = byte_of(line, first + static_cast<uint32_t>(kWindow));
    const std::string shown = printable(line.substr(from, to - from), ' ');
    out += gutter.substr(number.size()) + number + " | " + shown + "\n";
    const uint32_t width = std::max(1u, mark.end_column > mark.column ? mark.end_column - mark.column : 1u);
    const uint32_t room = static_cast<uint32_t>(kWindow) - std::min(mark.column - first, static_cast<uint32_t>(kWindow) - 1);
    out += gutter + " | " + std::string(mark.column - first, ' ') + "^" + std::string(std::min(width, room) - 1, '~') + "\n";
}

// Whether no letter, digit or other part of a name stands beside it.
bool stands_alone(std::string_view text, size_t at, size_t size) {
    const auto joins = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    };
    return (at == 0 || !joins(text[at - 1])) && (at + size == text.size() || !joins(text[at + size]));
}

// Words of the language: they tell nothing of the environment, and our own messages are made of them.
bool is_word_of_language(std::string_view value) {
    const NodeKind kind = resolve_scalar(value);
    return kind == NodeKind::boolean || kind == NodeKind::null || value == "none" || value == "auto";
}

// What a value, or a message of it, is taken apart into.
bool is_of_piece(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80 || std::string_view("_-.@~+=%").contains(c);
}

template <class F>
void each_piece(std::string_view text, F&& f) {
    for (size_t at = 0; at < text.size();) {
        size_t end = at;
        while (end < text.size() && is_of_piece(text[end])) ++end;
        if (end > at) f(text.substr(at, end - at));
        at = end + 1;
    }
}

}  // namespace

void FaultList::hide(std::string_view value, std::string_view shown) {
    if (value.size() < kShortest || is_word_of_language(value)) return;
    if (!hidden_.emplace(value, shown).second) return;
    const std::string lower = to_lower(value);
    each_piece(lower, [&](std::string_view piece) {
        if (piece.size() >= kShortInWord) pieces_.emplace(piece, shown);
        // As it is without what another program reads behind it.
        const std::string_view bare = piece.substr(0, piece.find_first_of("@%+=~"));
        if (bare.size() >= kShortInWord && bare.size() != piece.size()) pieces_.emplace(bare, shown);
    });
}

void FaultList::set_source(std::string text) {
    auto source = std::make_shared<Source>();
    source->text = std::move(text);
    source->lines = lines_of(source->text);
    source_ = std::move(source);
}

// What the file says at the place of a fault, as far as it is shown there; nothing where a secret stands.
std::string_view FaultList::written_at(const Mark& mark) const {
    if (source_ == nullptr || mark.line == 0 || mark.line > source_->lines.size()) return {};
    const bool is_secret = std::ranges::any_of(secrets_, [&](const Secret& s) {
        return std::pair(s.line, s.column) < std::pair(mark.line, mark.end_column) && std::pair(mark.line, mark.column) < std::pair(s.end_line, s.end_column);
    });
    const std::string_view line = source_->lines[mark.line - 1];
    const size_t begin = byte_of(line, mark.column), end = byte_of(line, mark.end_column);
    return is_secret || end <= begin ? std::string_view{} : line.substr(begin, end - begin);
}

void FaultList::set_folder(std::string_view configuration_file) {
    const bool is_a_pipe = configuration_file.starts_with("/dev/") || configuration_file.starts_with("/proc/");
    folder_ = is_a_pipe ? std::string() : std::filesystem::path(configuration_file).parent_path().string();
}

std::string FaultList::beside(std::string_view name) const {
    // One that begins with "/" replaces the folder.
    return folder_.empty() ? std::string(name) : (std::filesystem::path(folder_) / name).string();
}

std::string FaultList::covered(std::string_view text) const { return covered(text, {}); }

std::string FaultList::covered(std::string_view text, std::string_view written) const {
    std::string out(text);
    for (const auto& [value, shown] : hidden_) {
        for (size_t at = out.find(value); at != std::string::npos;) {
            const bool is_written = shown.starts_with("${") && written.contains(value);
            const bool whole = !is_written && (value.size() >= kShortInWord || stands_alone(out, at, value.size()));
            if (whole) out.replace(at, value.size(), shown);
            at = out.find(value, at + (whole ? shown.size() : 1));
        }
    }
    return without_passwords(out);
}

// The name of the value of which this is a part that stands alone there, or nullptr. What the file itself says is no secret of a value's.
const std::string* FaultList::owner_of(std::string_view piece) const {
    const auto found = pieces_.find(to_lower(piece));
    if (found == pieces_.end() || (source_ != nullptr && source_->text.contains(piece))) return nullptr;
    return &found->second;
}

std::string FaultList::without_pieces(std::string text, std::string_view written, bool quoted_alone) const {
    if (hidden_.empty()) return text;
    std::string out;
    char quote = 0;
    for (size_t at = 0; at < text.size();) {
        if (!is_of_piece(text[at])) {
            // That of "route's" is none.
            const bool within = at > 0 && at + 1 < text.size() && is_of_piece(text[at - 1]) && is_of_piece(text[at + 1]);
            if (quote != 0 && text[at] == quote) quote = 0;
            else if (quote == 0 && !within && (text[at] == '"' || text[at] == '\'')) quote = text[at];
            out += text[at++];
            continue;
        }
        const auto end = static_cast<size_t>(std::find_if_not(text.begin() + static_cast<ptrdiff_t>(at), text.end(), is_of_piece) - text.begin());
        const std::string_view piece = std::string_view(text).substr(at, end - at);
        const bool may_be = piece.size() >= kShortInWord && (!quoted_alone || quote != 0) && !written.contains(piece);
        const std::string* const owner = may_be ? owner_of(piece) : nullptr;
        out += owner != nullptr ? std::string_view(*owner) : piece;
        at = end;
    }
    return out;
}

std::vector<std::string_view> FaultList::secrets_at(const Mark& mark) const {
    std::vector<std::string_view> found;
    if (source_ == nullptr || mark.line == 0) return found;
    for (const Secret& s : secrets_) {
        if (mark.line < s.line || mark.line > s.end_line) continue;
        if (s.line == s.end_line && (s.end_column <= mark.column || s.column >= mark.end_column)) continue;
        for (uint32_t number = s.line; number <= std::min<size_t>(s.end_line, source_->lines.size()); ++number) {
            const std::string_view line = source_->lines[number - 1];
            const size_t begin = number == s.line ? byte_of(line, s.column) : 0, end = number == s.end_line ? byte_of(line, s.end_column) : line.size();
            std::string_view written = line.substr(begin, std::max(begin, end) - begin);
            while (!written.empty() && std::string_view(" \t\r\"'|>-+").contains(written.front())) written.remove_prefix(1);
            while (!written.empty() && std::string_view(" \t\r\"'").contains(written.back())) written.remove_suffix(1);
            if (written.size() >= kShortest && !written.starts_with("${")) found.push_back(written);
        }
    }
    return found;
}

void FaultList::add(Located f) {
    errors_ += f.severity == Severity::error;
    if (unset_.contains({f.mark.line, f.mark.column})) return;
    f.path = covered(f.path);
    const std::string_view written = hidden_.empty() ? std::string_view{} : written_at(f.mark);
    f.message = without_pieces(covered(f.message, written), written, true);
    f.hint = without_pieces(covered(f.hint, written), written, !f.hint.starts_with("did you mean"));
    // What looks like a file's name is told on purpose (config/read.h, file_hint).
    const bool names_a_file = f.hint.starts_with("did you mean { file: ");
    for (const std::string_view secret : secrets_at(f.mark)) {
        for (std::string* said : {&f.message, &f.hint}) {
            if (said == &f.hint && names_a_file) continue;
            for (size_t at = said->find(secret); at != std::string::npos; at = said->find(secret, at + kInsteadOfSecret.size())) {
                said->replace(at, secret.size(), kInsteadOfSecret);
            }
        }
    }
    faults_.push_back(std::move(f));
}

void FaultList::sort() {
    // By hand: libstdc++ 12's stable_sort takes its buffer by a function that its own headers deprecate.
    std::vector<size_t> order(faults_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, [&](size_t a, size_t b) {
        const Mark& x = faults_[a].mark;
        const Mark& y = faults_[b].mark;
        return std::tie(x.line, x.column, a) < std::tie(y.line, y.column, b);
    });
    std::vector<Located> sorted;
    sorted.reserve(faults_.size());
    for (const size_t i : order) sorted.push_back(std::move(faults_[i]));
    faults_ = std::move(sorted);
}

std::string render(const FaultList& faults, std::string_view file_name, std::string_view source) {
    const std::vector<std::string_view> lines = lines_of(source);
    std::string out;
    size_t errors = 0, warnings = 0;
    // Many faults may stand in one line, and many secrets.
    uint32_t shown_line = 0;
    std::string shown;
    for (const Located& f : faults.all()) {
        if (++(f.severity == Severity::error ? errors : warnings) > kMostShown) continue;
        out += file_name;
        if (f.mark.line > 0) out += ":" + std::to_string(f.mark.line) + ":" + std::to_string(f.mark.column);
        out += f.severity == Severity::error ? ": error: " : ": warning: ";
        out += printable(f.message, '?');
        out += "  [" + f.code + "]\n";
        if (f.mark.line > 0 && f.mark.line <= lines.size()) {
            if (std::exchange(shown_line, f.mark.line) != f.mark.line) shown = without_secrets(faults, lines, f.mark.line);
            show_line(out, shown, f.mark);
        }
        if (!f.hint.empty()) out += "       hint: " + printable(f.hint, '?') + "\n";
    }
    const auto more = [&](size_t count, const char* what) {
        if (count > kMostShown) out += std::string(file_name) + ": " + std::to_string(count - kMostShown) + " more " + what + "s are not shown: portico check --json lists them\n";
    };
    more(errors, "error");
    more(warnings, "warning");
    return out;
}

std::string render_json(const FaultList& faults, std::string_view file_name) {
    std::string out;
    json::Writer w(out);
    w.begin_array();
    for (const Located& f : faults.all()) {
        w.begin_object();
        w.key("file").value(file_name);
        w.key("line").value(f.mark.line);
        w.key("column").value(f.mark.column);
        w.key("severity").value(f.severity == Severity::error ? "error" : "warning");
        w.key("code").value(f.code);
        w.key("path").value(f.path);
        w.key("message").value(f.message);
        if (!f.hint.empty()) w.key("hint").value(f.hint);
        w.end_object();
    }
    w.end_array();
    return out;
}

}  // namespace portico::config
