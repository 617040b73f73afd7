"""The objects that the store's API documents, field by field.

Sources: the vendor's pages, and its C# client for the types; `docs/store-api.md` says how certain
each is. A number that the pages write without a decimal point is an integer.
"""

from __future__ import annotations

from cartproxy.sandbox.fields import table

CART = table(  # a CartReduced; its longest documented ShipmentPhone has 33 characters
    """
    integer CustomerId
    text BillingFirstName:100 BillingLastName:100 BillingCompany:255
    text BillingAddress:200 BillingAddress2:50 BillingCity:100 BillingState:100
    text BillingZipCode:20 BillingCountry:50 BillingPhoneNumber:30 BillingEmail:100
    text ShipmentFirstName:100 ShipmentLastName:50 ShipmentCompany:200
    text ShipmentAddress:255 ShipmentAddress2:50 ShipmentCity:50 ShipmentState:100
    text ShipmentZipCode:20 ShipmentCountry:50 ShipmentPhone:50 ShipmentEmail:100
    """
)
ADMIN_PERMISSION = table(
    """
    integer Id
    text Section:50 Action:25
    """,
    key="Id",
    references=True,
)
ADMIN = table(
    """
    integer AdminId
    text Username:100 Email:100 Name:100 Password:50 ExternalId:100
    us_date Lastlogin
    list AdminPermissionsList
    """,
    key="AdminId",
    AdminPermissionsList=ADMIN_PERMISSION,
)
CUSTOMER = table(
    """
    integer CustomerID
    text Email:100 Password:50
    text BillingCompany:255 BillingFirstName:50 BillingLastName:50
    text BillingAddress1:255 BillingAddress2:255 BillingCity:100 BillingState:100
    text BillingZipCode:20 BillingCountry:50 BillingPhoneNumber:50 BillingTaxID:50
    text ShippingCompany:255 ShippingFirstName:50 ShippingLastName:50
    text ShippingAddress1:255 ShippingAddress2:255 ShippingCity:100 ShippingState:100
    text ShippingZipCode:20 ShippingCountry:50 ShippingPhoneNumber:50
    integer ShippingAddressType CustomerGroupID
    flag Enabled MailList NonTaxable DisableBillingSameAsShipping
    text Comments AdditionalField1 AdditionalField2 AdditionalField3
    decimal TotalStoreCredit
    flag ResetPassword
    """,
    key="CustomerID",
)
CUSTOMER_GROUP = table(
    """
    integer CustomerGroupID
    text Name:255 Description
    decimal MinimumOrder
    flag NonTaxable AllowRegistration DisableRewardPoints AutoApprove
    text RegistrationMessage
    integer PriceLevel
    """,
    key="CustomerGroupID",
)
FRONTEND_SCRIPT = table(
    """
    integer FrontendScriptID
    text Placement:50 Code:65535
    us_date DateCreated LastUpdate
    """,
    key="FrontendScriptID",
)
WEBHOOK = table(
    """
    integer Id
    text Name:80 Url:1000
    integer EventType
    text Format:4
    flag Enabled
    """,
    key="Id",
)

SHIPMENT = table(
    """
    integer ShipmentID
    date ShipmentLastUpdate
    integer ShipmentBoxes
    text ShipmentInternalComment
    integer ShipmentOrderStatus
    text ShipmentAddress:255 ShipmentAddress2:50 ShipmentAlias:50 ShipmentCity:50
    text ShipmentCompany:200
    decimal ShipmentCost
    text ShipmentCountry:50 ShipmentEmail:100 ShipmentFirstName:100 ShipmentLastName:50
    integer ShipmentMethodID
    text ShipmentMethodName:255 ShipmentShippedDate:50 ShipmentPhone:50 ShipmentState:50
    text ShipmentZipCode:50
    decimal ShipmentTax ShipmentWeight
    text ShipmentTrackingCode:255 ShipmentUserID:50
    integer ShipmentNumber ShipmentAddressTypeID
    """,
    key="ShipmentID",
)
ORDER_ITEM = table(
    """
    integer CatalogID ItemIndexID
    text ItemID:150
    integer ItemShipmentID
    decimal ItemQuantity
    integer ItemWarehouseID
    text ItemDescription:65535
    decimal ItemUnitPrice ItemWeight ItemOptionPrice
    text ItemAdditionalField1 ItemAdditionalField2 ItemAdditionalField3 ItemPageAdded
    text ItemAvailability
    date ItemDateAdded
    decimal ItemUnitCost
    integer ItemUnitStock
    text ItemOptions ItemCatalogIDOptions ItemSerial
    text ItemImage1:255 ItemImage2:255 ItemImage3:255 ItemImage4:255
    text ItemWarehouseLocation ItemWarehouseBin ItemWarehouseAisle ItemWarehouseCustom
    integer RecurringOrderFrequency
    """,
    key="ItemIndexID",
    also="CatalogID",
)
TRANSACTION = table(
    """
    integer TransactionIndexID OrderID
    text TransactionID
    date TransactionDateTime
    text TransactionType TransactionMethod
    decimal TransactionAmount
    text TransactionApproval TransactionReference
    integer TransactionGatewayID
    text TransactionCVV2 TransactionAVS TransactionResponseText TransactionResponseCode
    integer TransactionCaptured
    """,
    key="TransactionIndexID",
)
QUESTION = table(
    """
    integer QuestionID OrderID
    text QuestionTitle QuestionAnswer QuestionType
    integer QuestionCheckoutStep QuestionSorting QuestionDiscountGroup
    """,
    key="QuestionID",
)
PROMOTION = table(
    """
    integer PromotionID
    text PromotionName Coupon
    decimal DiscountAmount
    """,
    key="PromotionID",
)
ORDER = table(
    """
    text InvoiceNumberPrefix:50
    integer InvoiceNumber OrderID CustomerID
    date OrderDate
    integer OrderStatusID
    date LastUpdate
    text UserID:100 SalesPerson:100 ContinueURL AlternateOrderID OrderType
    integer PaymentTokenID
    text BillingFirstName:100 BillingLastName:100 BillingCompany:255 BillingAddress:255
    text BillingAddress2:50 BillingCity:100 BillingState:100 BillingZipCode:50 BillingCountry:50
    text BillingPhoneNumber:50 BillingEmail:100 BillingPaymentMethod:100
    flag BillingOnLinePayment
    text BillingPaymentMethodID:50
    list ShipmentList OrderItemList PromotionList
    decimal OrderDiscount OrderDiscountCoupon OrderDiscountPromotion
    decimal SalesTax SalesTax2 SalesTax3 OrderAmount AffiliateCommission
    list TransactionList
    text CardType CardNumber CardName CardExpirationMonth CardExpirationYear CardIssueNumber
    text CardStartMonth CardStartYear CardAddress CardVerification RewardPoints
    list QuestionList
    text Referer IP CustomerComments InternalComments ExternalComments
    """,
    key="OrderID",
    ShipmentList=SHIPMENT,
    OrderItemList=ORDER_ITEM,
    PromotionList=PROMOTION,
    TransactionList=TRANSACTION,
    QuestionList=QUESTION,
)

SKU_INFO = table(
    """
    integer CatalogID
    text SKU:100 Name:255
    decimal Cost Price
    text Currency:10
    decimal RetailPrice SalePrice
    flag OnSale
    decimal Stock
    """,
    key="CatalogID",
)
OPTION = table(
    """
    integer OptionID
    text OptionName:255
    flag OptionSelected OptionHide
    decimal OptionValue
    text OptionPartNumber:50
    sorting OptionSorting
    text OptionImagePath:255
    integer OptionBundleCatalogId OptionBundleQuantity
    """,
    key="OptionID",
)
OPTION_SET = table(
    """
    integer OptionSetID
    text OptionSetName:255
    sorting OptionSorting
    flag OptionRequired
    text OptionType:10 OptionURL OptionAdditionalInformation
    integer OptionSizeLimit
    list OptionList
    """,
    key="OptionSetID",
    OptionList=OPTION,
)
ADVANCED_OPTION = table(
    """
    text AdvancedOptionCode:255 AdvancedOptionSufix:50 AdvancedOptionName:255
    number AdvancedOptionCost
    integer AdvancedOptionStock
    number AdvancedOptionWeight AdvancedOptionPrice
    text AdvancedOptionGTIN:50
    """,
    key="AdvancedOptionCode",
)
CATEGORY = table("integer CategoryID\ntext CategoryName:255", key="CategoryID", references=True)
IMAGE = table(
    """
    integer ImageGalleryID
    text ImageGalleryFile:255 ImageGalleryCaption:255
    integer ImageGallerySorting
    """,
    key="ImageGalleryID",
)
DISTRIBUTOR = table(
    """
    integer DistributorID
    text DistributorName
    decimal DistributorItemCost
    text DistributorItemID DistributorStockID
    """,
    key="DistributorID",
    references=True,
)
FEATURE = table(
    """
    integer FeatureID
    text FeatureTitle FeatureDescription
    """,
    key="FeatureID",
)
RELATED = table(
    "integer RelatedIndexID RelatedProductID RelatedProductSorting", key="RelatedIndexID"
)
UPSELLING = table(
    "integer UpSellingIndexID UpSellingItemID UpSellingItemSorting", key="UpSellingIndexID"
)
DISCOUNT = table(
    """
    integer DiscountID DiscountPriceLevel DiscountLowbound DiscountUpbound
    decimal DiscountPrice
    flag DiscountPercentage
    """,
    key="DiscountID",
)
SERIAL = table("integer SerialID SerialUses\ntext SerialCode", key="SerialID")
E_PRODUCT = table("integer FileNumber\ntext FilePath", key="FileNumber")
_LEVELS = range(1, 11)
PRODUCT = table(
    f"""
    object SKUInfo
    text MFGID:50 ShortDescription
    integer ManufacturerID
    text ManufacturerName
    list DistributorList
    date LastUpdate
    text UserID GTIN:50
    list CategoryList
    flag NonTaxable NotForSale Hide GiftCertificate HomeSpecial CategorySpecial
    flag NonSearchable GiftWrapItem
    decimal ShipCost Weight Height Width Depth
    flag SelfShip FreeShipping
    integer RewardPoints RedeemPoints
    flag DisableRewards
    integer StockAlert ReorderQuantity
    text InStockMessage OutOfStockMessage BackOrderMessage
    integer InventoryControl
    text WarehouseLocation WarehouseBin WarehouseAisle WarehouseCustom
    text Description Keywords {" ".join(f"ExtraField{number}" for number in range(1, 14))}
    list FeatureList
    text MainImageFile:255 MainImageCaption:255 ThumbnailFile:255 MediaFile:255
    text AdditionalImageFile2:255 AdditionalImageCaption2:255 AdditionalImageFile3:255
    text AdditionalImageCaption3:255 AdditionalImageFile4:255 AdditionalImageCaption4:255
    list ImageGalleryList OptionSetList AdvancedOptionList
    list RelatedProductList UpSellingItemList DiscountList
    flag DoNotUseCategoryOptions
    date DateCreated
    integer ListingTemplateID
    text ListingTemplateName
    integer LoginRequiredOptionID
    text LoginRequiredOptionName LoginRequiredOptionRedirectTo
    integer AllowAccessCustomerGroupID
    text AllowAccessCustomerGroupName RMAMaxPeriod TaxCode DisplayText
    decimal MinimumQuantity MaximumQuantity
    flag AllowOnlyMultiples AllowFractionalQuantity
    text QuantityOptions
    flag GroupOptionsForQuantityPricing ApplyQuantityDiscountToOptions EnableMakeAnOfferFeature
    text MinimumAcceptableOffer
    decimal {" ".join(f"PriceLevel{number}" for number in _LEVELS)}
    flag {" ".join(f"PriceLevel{number}Hide" for number in _LEVELS)}
    text BuyButtonLink ProductLink Title CustomFileName RedirectLink MetaTags SpecialInstructions
    flag AssignKey ReUseKeys
    list SerialList EProductList
    """,
    SKUInfo=SKU_INFO,
    DistributorList=DISTRIBUTOR,
    FeatureList=FEATURE,
    RelatedProductList=RELATED,
    UpSellingItemList=UPSELLING,
    DiscountList=DISCOUNT,
    SerialList=SERIAL,
    EProductList=E_PRODUCT,
    CategoryList=CATEGORY,
    ImageGalleryList=IMAGE,
    OptionSetList=OPTION_SET,
    AdvancedOptionList=ADVANCED_OPTION,
)
