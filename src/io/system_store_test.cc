#include "io/system_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "io/tls_client.h"

namespace portico::io {
namespace {

class SystemStore : public ::testing::Test {
  protected:
    SystemStore() {
        std::string name = (std::filesystem::temp_directory_path() / "portico-store-XXXXXX").string();
        folder = mkdtemp(name.data());
        setenv("SSL_CERT_DIR", folder.c_str(), 1);
        write("a.0", "one");
    }
    ~SystemStore() override {
        unsetenv("SSL_CERT_DIR");
        std::filesystem::remove_all(folder);
    }
    void write(const char* name, const char* text) const { std::ofstream(folder / name) << text; }
    static std::shared_ptr<const TlsClient> client(bool verify = true) {
        TlsClientSettings settings;
        settings.verify = verify;
        return *TlsClient::make(settings);
    }
    std::filesystem::path folder;
};

TEST_F(SystemStore, A74_an_authority_that_went_makes_another_client) {
    write("b.0", "two");
    const auto before = client();
    EXPECT_TRUE(before->same_as(*client()));
    std::filesystem::remove(folder / "b.0");
    EXPECT_FALSE(before->same_as(*client()));
}

TEST_F(SystemStore, ComingAndWrittenFilesChangeItToo) {
    const std::string before = system_store_state();
    EXPECT_EQ(system_store_state(), before);
    write("b.0", "two");
    const std::string more = system_store_state();
    EXPECT_NE(more, before);
    write("a.0", "longer");
    EXPECT_NE(system_store_state(), more);
}

TEST_F(SystemStore, WhereALinkLeadsCounts) {
    write("x.pem", "one");
    write("y.pem", "one");
    std::filesystem::create_symlink("x.pem", folder / "c.0");
    const std::string before = system_store_state();
    std::filesystem::remove(folder / "c.0");
    std::filesystem::create_symlink("y.pem", folder / "c.0");
    EXPECT_NE(system_store_state(), before);
}

TEST_F(SystemStore, WhoDoesNotAskItIsTheSameWhateverItHolds) {
    const auto before = client(false);
    write("b.0", "two");
    EXPECT_TRUE(before->same_as(*client(false)));
}

}  // namespace
}  // namespace portico::io
