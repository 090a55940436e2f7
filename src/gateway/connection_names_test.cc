#include "gateway/connection_names.h"

#include <gtest/gtest.h>

namespace portico::gateway {
namespace {

bool contains(size_t others, std::string_view name) {
    http::FieldList fields;
    std::string value = "close, X-First";
    for (size_t i = 0; i < others; ++i) value += ", x-" + std::to_string(i);
    value += ", X-Last, x-first";
    fields.add("Connection", value);
    http::ConnectionOptions connection;
    http::read_connection(fields, connection);
    return ConnectionNames(connection).contains(name);
}

TEST(ConnectionNames, AreFoundInAnyCaseHoweverManyTheyAre) {
    for (const size_t others : {0, 1, 5, 6, 7, 1000}) {
        for (const std::string_view name : {"x-first", "X-FIRST", "X-Last", "x-last"}) EXPECT_TRUE(contains(others, name)) << others << name;
        for (const std::string_view name : {"", "x", "X-Firs", "X-Lasts", "close"}) EXPECT_FALSE(contains(others, name)) << others << name;
    }
    const http::ConnectionOptions none;
    EXPECT_FALSE(ConnectionNames(none).contains(""));
}

// Each with each they would be compared two hundred million times.
TEST(ConnectionNames, ManyOfThemAreLookedUpForManyFields) {
    std::vector<std::string> texts;
    for (size_t i = 0; i < 10'000; ++i) texts.push_back("x" + std::to_string(10'000 + i));
    http::ConnectionOptions connection;
    for (const std::string& text : texts) connection.names.push_back(text);
    const ConnectionNames names(connection);
    size_t found = 0;
    for (const std::string& text : texts) found += names.contains("X" + text.substr(1)) && !names.contains("y" + text.substr(1));
    EXPECT_EQ(found, texts.size());
}

}  // namespace
}  // namespace portico::gateway
