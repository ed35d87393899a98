Documentation.addTranslations({
  "locale": "vi",
  "messages": {
    "Search": "Tìm kiếm",
    "Preparing search...": "Đang chuẩn bị tìm kiếm...",
    "Searching": "Đang tìm",
    "Search Results": "Kết quả tìm kiếm",
    "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.": "Không có trang nào khớp. Hãy kiểm tra chính tả của mọi từ.",
    "Search finished, found one page matching the search query.": [
      "Tìm xong: có ${resultCount} trang khớp."
    ],
    "Hide Search Matches": "Ẩn các chỗ khớp",
    ", in ": ", trong "
  },
  "plural_expr": "0"
});
