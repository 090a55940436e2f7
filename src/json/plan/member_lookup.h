// Looks names up in one object after another, each time from behind the last one found: where the names come in the order of the
// document, all are found in one pass. For json/plan/plan*.cc only; belongs to one thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "json/document.h"

namespace portico::json::detail {

class MemberLookup {
  public:
    // @returns no value where `object` is none or has no such member
    Value find(Value object, std::string_view name) {
        // The last of equal names is meant.
        if (!object.names_differ()) return object.find(name);
        if (object != object_) {
            object_ = object;
            const Members members = object.members();
            begin_ = at_ = members.begin();
            end_ = members.end();
        }
        const Members::Iterator from = at_;
        if (const Value found = find_before(end_, name)) return found;
        at_ = begin_;
        return find_before(from, name);
    }

  private:
    Value find_before(Members::Iterator end, std::string_view name) {
        for (; at_ != end; ++at_) {
            const Member member = *at_;
            if (!is_same(member.name, name)) continue;
            ++at_;
            return member.value;
        }
        return {};
    }
    // Names are short: a call costs more than the comparison.
    static bool is_same(std::string_view a, std::string_view b) {
        const size_t size = a.size();
        if (size != b.size()) return false;
        if (size < 8 || size > 16) return a == b;
        return word_at(a, 0) == word_at(b, 0) && word_at(a, size - 8) == word_at(b, size - 8);
    }
    static uint64_t word_at(std::string_view text, size_t at) {
        uint64_t word;
        std::memcpy(&word, text.data() + at, sizeof word);
        return word;
    }

    Value object_;
    Members::Iterator begin_, at_, end_;
};

}  // namespace portico::json::detail
